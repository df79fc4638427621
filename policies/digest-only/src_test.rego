package digestonly

hex = "0123456789012345678901234567890123456789012345678901234567890123"

pinned = concat("", ["reg.test/a:1@sha256:", hex])

review(image) = {"kind": {"kind": "Pod"}, "operation": "CREATE", "namespace": "shop", "object": {"kind": "Pod", "spec": {"containers": [{"name": "web", "image": image}]}}}

test_accepts_an_image_by_digest {
	found := violation with input as {"review": review(pinned)}
	found == set()
	bare := violation with input as {"review": review(concat("", ["a@sha256:", hex]))}
	bare == set()
}

test_says_what_is_missing {
	found := violation with input as {"review": review("reg.test/a:1")}
	{entry.msg | entry := found[_]} == {"refused IMAGE_NOT_PINNED containers[web] reg.test/a:1: expected name@sha256:..., so that what runs is what was looked at"}
}

not_pinned = [
	"nginx", "nginx:1", "", null, 7, "sha256:abc", concat("", ["@sha256:", hex]), concat("", ["a@sha256:", hex, "0"]),
	"a@sha256:abc", concat("", ["a@sha256:", upper("abcdef"), substring(hex, 6, -1)]), concat("", ["a@md5:", hex]),
	concat("", ["a@sha256:", hex, "\n"]), concat("", ["a@b@sha256:", hex]), concat("", ["a b@sha256:", hex]),
	concat("", ["\u0007a@sha256:", hex]),
]

test_refuses_everything_else {
	passed := {image |
		image := not_pinned[_]
		found := violation with input as {"review": review(image)}
		count(found) == 0
	}
	passed == set()
}

test_keeps_exemptions_and_updates_as_the_other_policy_does {
	exempt := violation with input as {"review": review("reg.test/a:1"), "parameters": {"exemptions": [{"images": ["reg.test/*"], "namespaces": ["shop"]}]}}
	exempt == set()
	update := object.union(review("reg.test/a:1"), {"operation": "UPDATE", "oldObject": review("reg.test/a:1").object})
	unchanged := violation with input as {"review": update}
	unchanged == set()
	all := violation with input as {"review": update, "parameters": {"onUpdate": "all"}}
	count(all) == 1
	deleted := violation with input as {"review": object.union(review("reg.test/a:1"), {"operation": "DELETE"})}
	deleted == set()
}

test_refuses_more_images_than_there_is_time_for {
	many := [{"name": sprintf("c%d", [i]), "image": pinned} | i := numbers.range(1, 201)[_]]
	found := violation with input as {"review": object.union(review(pinned), {"object": {"kind": "Pod", "spec": {"containers": many}}})}
	{entry.msg | entry := found[_]} == {"refused TOO_MANY_IMAGES: expected at most 200 images in one resource, found 201"}
}
