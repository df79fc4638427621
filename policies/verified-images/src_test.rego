package verifiedimages

# As Gatekeeper asks and answers: keys as a list of strings, pairs in return. The script is beside the review.
gatekeeper(request) = answer {
	is_array(request.keys)
	answer := {
		"responses": [[name, value] | name := request.keys[_]; value := input.script.values[name]],
		"errors": [[name, error] | name := request.keys[_]; error := input.script.errors[name]],
		"status_code": 200,
		"system_error": object.get(input.script, "system_error", ""),
	}
}

# A transport that failed: lists are null.
broken(_) = {"responses": null, "errors": null, "status_code": 500, "system_error": input.script.system_error}

# What Gatekeeper makes of some keys: nothing at all.
undefined(request) = answer {
	request.keys == "never"
	answer := {}
}

good = {"isSuccess": true, "outcome": "accepted", "reason": {"code": "VERIFIED", "message": "signed"}}

bad = {"isSuccess": false, "outcome": "refused", "reason": {"code": "NO_SIGNATURES", "message": "nothing is attached"}}

pod(images) = {"kind": "Pod", "metadata": {"namespace": "shop"}, "spec": {"containers": [{"name": sprintf("c%d", [i]), "image": image} | image := images[i]]}}

review(images) = {"kind": {"kind": "Pod"}, "operation": "CREATE", "namespace": "shop", "object": pod(images)}

asking(images, script) = {"review": review(images), "parameters": {}, "script": script}

messages(found) = {entry.msg | entry := found[_]}

test_accepts_what_is_verified {
	found := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": good}}) with external_data as gatekeeper
	found == set()
}

test_says_why_an_image_is_refused {
	found := violation with input as asking(["reg.test/a:1", "reg.test/b:1"], {"values": {"[shop]reg.test/a:1": good, "[shop]reg.test/b:1": bad}}) with external_data as gatekeeper
	messages(found) == {"refused NO_SIGNATURES containers[c1] reg.test/b:1: nothing is attached"}
}

test_says_where_a_refused_image_is_for_each_place {
	found := violation with input as asking(["reg.test/b:1", "reg.test/b:1"], {"values": {"[shop]reg.test/b:1": bad}}) with external_data as gatekeeper
	count(found) == 2
}

no_accept = [
	null, {}, [], "accepted", true, 1,
	{"isSuccess": "true"}, {"isSuccess": 1}, {"isSuccess": null}, {"isSuccess": false},
	{"outcome": "accepted"}, {"succeeded": true}, {"issuccess": true}, {"value": {"isSuccess": true}},
]

test_accepts_nothing_but_true {
	passed := {value |
		value := no_accept[_]
		found := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": value}}) with external_data as gatekeeper
		count(found) == 0
	}
	passed == set()
}

test_says_that_an_answer_is_no_verdict {
	found := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": {}}}) with external_data as gatekeeper
	messages(found) == {"misconfigured ANSWER_INVALID containers[c0] reg.test/a:1: expected a verdict of the provider, found none in its answer"}
}

test_falls_back_on_the_words_of_ratify {
	ratify := {"isSuccess": false, "verifierReports": [{"isSuccess": false, "message": "m", "errorReason": "not produced by a trusted signer"}]}
	found := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": ratify}}) with external_data as gatekeeper
	messages(found) == {"refused REFUSED containers[c0] reg.test/a:1: not produced by a trusted signer"}
	bare := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": {"isSuccess": false, "verifierReports": null}}}) with external_data as gatekeeper
	messages(bare) == {"refused REFUSED containers[c0] reg.test/a:1: the image is not verified"}
}

twice(_) = {"responses": [["[shop]reg.test/a:1", good], ["[shop]reg.test/a:1", bad]], "errors": [], "status_code": 200, "system_error": ""}

test_refuses_an_image_with_two_answers_of_which_one_is_no_accept {
	found := violation with input as asking(["reg.test/a:1"], {}) with external_data as twice
	count(found) == 1
}

both_kinds(_) = {"responses": [["[shop]reg.test/a:1", good]], "errors": [["[shop]reg.test/a:1", "INVALID_REFERENCE: no"]], "status_code": 200, "system_error": ""}

test_refuses_an_image_with_an_accept_and_an_error {
	found := violation with input as asking(["reg.test/a:1"], {}) with external_data as both_kinds
	messages(found) == {"refused INVALID_REFERENCE containers[c0] reg.test/a:1: no"}
}

test_refuses_an_image_whose_answer_is_an_error {
	invalid := violation with input as asking(["a b"], {}) with external_data as gatekeeper
	messages(invalid) == {"refused INVALID_REFERENCE containers[c0] a b: expected an image reference in printable ASCII, found other characters"}
	other := violation with input as asking(["reg.test/a:1"], {"errors": {"[shop]reg.test/a:1": "CONFIG_INVALID: no store"}}) with external_data as gatekeeper
	messages(other) == {"misconfigured ITEM_ERROR containers[c0] reg.test/a:1: CONFIG_INVALID: no store"}
}

test_refuses_an_image_without_an_answer {
	found := violation with input as asking(["reg.test/a:1", "reg.test/b:1"], {"values": {"[shop]reg.test/a:1": good}}) with external_data as gatekeeper
	messages(found) == {"misconfigured ANSWER_INCOMPLETE containers[c1] reg.test/b:1: the provider answered without a word on this image"}
}

test_refuses_an_image_that_was_answered_for_another_namespace {
	found := violation with input as asking(["reg.test/a:1"], {"values": {"reg.test/a:1": good, "[]reg.test/a:1": good, "[other]reg.test/a:1": good}}) with external_data as gatekeeper
	count(found) == 1
}

test_says_that_the_provider_is_unavailable {
	line := "1 of 1 images not evaluated: reg.test/a:1 (unavailable REGISTRY_UNREACHABLE): connect ECONNREFUSED"
	found := violation with input as asking(["reg.test/a:1"], {"system_error": line}) with external_data as gatekeeper
	messages(found) == {"unavailable REGISTRY_UNREACHABLE containers[c0] reg.test/a:1: connect ECONNREFUSED"}
}

test_refuses_everything_when_the_provider_cannot_be_asked {
	line := `failed to send external data request: Post "https://p/verify": context deadline exceeded`
	found := violation with input as asking(["reg.test/a:1"], {"system_error": line}) with external_data as broken
	messages(found) == {`unavailable PROVIDER_UNREACHABLE containers[c0] reg.test/a:1: failed to send external data request: context deadline exceeded; Post "https://p/verify"`}
}

test_refuses_everything_when_there_is_no_answer {
	found := violation with input as asking(["reg.test/a:1", "reg.test/b:1"], {}) with external_data as undefined
	messages(found) == {
		"misconfigured NO_ANSWER containers[c0] reg.test/a:1: Gatekeeper did not ask the provider; look at its log",
		"misconfigured NO_ANSWER containers[c1] reg.test/b:1: Gatekeeper did not ask the provider; look at its log",
	}
}

test_does_not_accept_beside_a_system_error {
	found := violation with input as asking(["reg.test/a:1"], {"values": {"[shop]reg.test/a:1": good}, "system_error": "half broken"}) with external_data as gatekeeper
	messages(found) == {"misconfigured PROVIDER_FAILED: half broken"}
}

odd_images = ["x\u0001", "x\u007f", "x\u000b", "x y", "x\u00e9", "x\u2028", "x\udb40\udc01", "", null, 7, {"a": 1}, sprintf("%0951d", [0])]

# None of these is asked for: the answer to the others does not hang on it.
test_refuses_what_is_no_reference_and_asks_for_the_others {
	passed := {odd |
		odd := odd_images[_]
		found := violation with input as asking(["reg.test/a:1", odd], {"values": {"[shop]reg.test/a:1": good}}) with external_data as gatekeeper
		not {entry.details.code | entry := found[_]} == {"INVALID_REFERENCE"}
	}
	passed == set()
	asked_for := keys with input as asking(array.concat(["reg.test/a:1"], odd_images), {})
	asked_for == {"[shop]reg.test/a:1"}
}

test_puts_the_namespace_in_front_and_lets_no_image_do_so {
	asked_for := keys with input as asking(["[trusted]reg.test/a:1", "[]reg.test/a:1", "]x"], {})
	asked_for == {"[shop][trusted]reg.test/a:1", "[shop][]reg.test/a:1", "[shop]]x"}
}

test_takes_the_namespace_of_the_request_and_else_of_the_object {
	request := object.union(review(["a"]), {"namespace": "real"})
	from_request := keys with input as {"review": request}
	from_request == {"[real]a"}
	from_object := keys with input as {"review": object.union(review(["a"]), {"namespace": ""})}
	from_object == {"[shop]a"}
	from_null := keys with input as {"review": object.union(review(["a"]), {"namespace": null})}
	from_null == {"[shop]a"}
	from_nowhere := keys with input as {"review": {"object": {"spec": {"containers": [{"name": "c", "image": "[x]a"}]}}}}
	from_nowhere == {"[][x]a"}
}

test_asks_once_for_an_image_that_stands_twice {
	asked_for := keys with input as asking(["reg.test/a:1", "reg.test/a:1"], {})
	count(asked_for) == 1
}

named(request) = {"responses": [], "errors": [], "status_code": 200, "system_error": concat("", ["PROVIDER: ", request.provider])}

test_asks_the_provider_that_is_named {
	default_one := violation with input as asking(["a"], {}) with external_data as named
	contains(default_one[_].msg, ": countersign-provider")
	other := violation with input as object.union(asking(["a"], {}), {"parameters": {"provider": "ratify-provider"}}) with external_data as named
	contains(other[_].msg, ": ratify-provider")
}

test_does_not_ask_where_there_is_nothing_to_ask {
	found := violation with input as {"review": {"kind": {"kind": "ConfigMap"}, "operation": "CREATE", "object": {"kind": "ConfigMap"}}} with external_data as undefined
	found == set()
	deleted := violation with input as {"review": object.union(review(["a"]), {"operation": "DELETE"})} with external_data as undefined
	deleted == set()
}

test_takes_a_pod_without_images_for_not_understood {
	messages(violation) == {"misconfigured NO_IMAGES: no image was found in the Pod"} with input as {"review": {"kind": {"kind": "Pod"}, "object": {"spec": {}}}}
	messages(violation) == {"misconfigured NO_IMAGES: no image was found in the Pod"} with input as {"review": {"kind": {"kind": "Pod"}, "object": null}}
	messages(violation) == {"misconfigured NO_IMAGES: no image was found in the Pod"} with input as {"review": {"kind": {"kind": "Pod"}}}
}

unsigned_update(parameters) = {"review": object.union(review(["reg.test/b:1"]), {"operation": "UPDATE", "oldObject": pod(["reg.test/b:1"])}), "parameters": parameters, "script": {"values": {"[shop]reg.test/b:1": bad}}}

test_lets_an_update_pass_that_adds_no_image {
	found := violation with input as unsigned_update({}) with external_data as gatekeeper
	found == set()
}

test_looks_at_every_image_of_an_update_if_told {
	found := violation with input as unsigned_update({"onUpdate": "all"}) with external_data as gatekeeper
	count(found) == 1
}

exempting(exemptions) = object.union(asking(["reg.test/b:1"], {"values": {"[shop]reg.test/b:1": bad}}), {"parameters": {"exemptions": exemptions}})

test_does_not_ask_for_what_is_exempt {
	found := violation with input as exempting([{"images": ["reg.test/*"]}]) with external_data as undefined
	found == set()
	elsewhere := violation with input as exempting([{"images": ["reg.test/*"], "namespaces": ["build"]}]) with external_data as gatekeeper
	count(elsewhere) == 1
}

test_exempts_nothing_by_parameters_that_are_none {
	odd := [null, "x", 7, [], {"exemptions": "reg.test/*"}, {"exemptions": null}, {"exemptions": [null]}]
	passed := {parameters |
		parameters := odd[_]
		found := violation with input as object.union(asking(["reg.test/b:1"], {"values": {"[shop]reg.test/b:1": bad}}), {"parameters": parameters}) with external_data as gatekeeper
		count(found) == 0
	}
	passed == set()
}

speaking(words, script) = object.union(asking(["reg.test/a:1"], script), {"parameters": {"outcomes": words}})

refused = {"values": {"[shop]reg.test/a:1": bad}}

outage = {"system_error": "1 of 1 images not evaluated: reg.test/a:1 (unavailable REGISTRY_UNREACHABLE): no"}

broken_setup = {"system_error": "1 of 1 images not evaluated: reg.test/a:1 (misconfigured NO_STORE): no"}

count_of(words, script) = n {
	found := violation with input as speaking(words, script) with external_data as gatekeeper
	n := count(found)
}

test_speaks_of_the_outcomes_that_it_is_told_of {
	count_of(["refused"], refused) == 1
	count_of(["refused"], outage) == 0
	count_of(["refused"], broken_setup) == 0
	count_of(["unavailable"], refused) == 0
	count_of(["unavailable"], outage) == 1
	count_of(["unavailable"], broken_setup) == 0
	count_of(["misconfigured", "refused"], refused) == 1
	count_of(["misconfigured", "refused"], outage) == 0
	count_of(["misconfigured", "refused"], broken_setup) == 1
}

test_speaks_of_everything_if_not_told_or_not_told_well {
	odd := [[], null, "refused", ["Refused"], ["refused", "other"], {"refused": true}, 7]
	silent := {words | words := odd[_]; count_of(words, outage) == 0}
	silent == set()
}

test_speaks_of_what_may_be_either_in_both {
	unclear := {"system_error": "key is not found in provider cache"}
	count_of(["unavailable"], unclear) == 1
	count_of(["misconfigured"], unclear) == 1
	count_of(["refused"], unclear) == 0
}

test_speaks_of_a_missing_answer_whatever_it_is_told_of {
	silent := {word |
		word := outcomes[_]
		found := violation with input as speaking([word], {}) with external_data as undefined
		count(found) == 0
	}
	silent == set()
}

vast = replace(sprintf("%020000d", [0]), "0", "\u00e9")

test_prints_nothing_of_an_answer_unbounded {
	scripts := [
		{"values": {"[shop]reg.test/a:1": {"isSuccess": false, "reason": {"code": vast, "message": vast}, "digest": vast, "policy": vast, "revision": vast}}},
		{"values": {"[shop]reg.test/a:1": {"isSuccess": false, "reason": vast, "verifierReports": vast}}},
		{"values": {"[shop]reg.test/a:1": vast}},
		{"errors": {"[shop]reg.test/a:1": vast}},
		{"system_error": vast},
	]
	good_ones := [i |
		script := scripts[i]
		found := violation with input as asking(["reg.test/a:1"], script) with external_data as gatekeeper
		count(found) == 1
		entry := found[_]
		count(entry.msg) <= 460
		regex.match(`^[ -~]+$`, entry.msg)
		count(json.marshal(entry.details)) < 5000
	]
	good_ones == [0, 1, 2, 3, 4]
}

test_gives_machines_the_details {
	value := object.union(bad, {"digest": "sha256:ab", "policy": "ratify-policy", "revision": "r1"})
	found := violation with input as asking(["reg.test/b:1"], {"values": {"[shop]reg.test/b:1": value}}) with external_data as gatekeeper
	{entry.details | entry := found[_]} == {{
		"outcome": "refused", "code": "NO_SIGNATURES", "at": "containers[c0]", "image": "reg.test/b:1",
		"why": "nothing is attached", "digest": "sha256:ab", "policy": "ratify-policy", "revision": "r1",
	}}
}

test_refuses_more_images_than_there_is_time_for {
	many := [sprintf("reg.test/a:%d", [i]) | i := numbers.range(1, 201)[_]]
	found := violation with input as asking(many, {}) with external_data as undefined
	messages(found) == {"refused TOO_MANY_IMAGES: expected at most 200 images in one resource, found 201"}
	warned := violation with input as object.union(asking(many, {}), {"parameters": {"outcomes": ["unavailable"]}}) with external_data as undefined
	count(warned) == 1
}

glass = "oracle.image-policy.k8s.io/break-glass"

# The key that is asked for one image of a resource, with the annotations that the constraint passes on.
asked_for(kind, object, passed) = names {
	names := keys with input as {
		"review": {"kind": {"kind": kind}, "operation": "CREATE", "namespace": "shop", "object": object},
		"parameters": {"annotations": passed},
	}
}

annotated(annotations) = object.union(pod(["reg.test/a:1"]), {"metadata": {"namespace": "shop", "annotations": annotations}})

test_passes_on_the_annotations_that_it_is_told_to {
	asked_for("Pod", annotated({glass: "true", "other": "x"}), [glass]) == {"[shop?oracle.image-policy.k8s.io%2Fbreak-glass=true]reg.test/a:1"}
	asked_for("Pod", annotated({"b": "2", "a": "1"}), ["b", "a", "a", "c"]) == {"[shop?a=1&b=2]reg.test/a:1"}
}

test_passes_on_nothing_else {
	asked_for("Pod", annotated({glass: "true"}), []) == {"[shop]reg.test/a:1"}
	asked_for("Pod", annotated({glass: "true"}), null) == {"[shop]reg.test/a:1"}
	asked_for("Pod", annotated({glass: "true"}), glass) == {"[shop]reg.test/a:1"}
	asked_for("Pod", annotated({glass: true}), [glass]) == {"[shop]reg.test/a:1"}
	asked_for("Pod", annotated([glass]), [glass]) == {"[shop]reg.test/a:1"}
	asked_for("Pod", annotated(null), [glass]) == {"[shop]reg.test/a:1"}
	asked_for("Pod", pod(["reg.test/a:1"]), [glass]) == {"[shop]reg.test/a:1"}
}

test_lets_no_annotation_write_another {
	asked_for("Pod", annotated({"a": "1&b=2]x"}), ["a", "b"]) == {"[shop?a=1%26b%3D2%5Dx]reg.test/a:1"}
	asked_for("Pod", annotated({"a&b=2": "1"}), ["a&b=2"]) == {"[shop?a%26b%3D2=1]reg.test/a:1"}
}

test_cuts_a_long_annotation {
	long := concat("", ["x" | numbers.range(1, 100)[_]])
	short := concat("", ["x" | numbers.range(1, 40)[_]])
	asked_for("Pod", annotated({"a": long}), ["a"]) == {sprintf("[shop?a=%s]reg.test/a:1", [short])}
}

test_takes_the_annotations_of_the_pods_not_of_what_makes_them {
	template := {"metadata": {"annotations": {"a": "pod"}}, "spec": {"containers": [{"name": "c", "image": "reg.test/a:1"}]}}
	bare := {"spec": {"containers": [{"name": "c", "image": "reg.test/a:1"}]}}
	around := {"namespace": "shop", "annotations": {"a": "around"}}
	asked_for("Deployment", {"metadata": around, "spec": {"template": template}}, ["a"]) == {"[shop?a=pod]reg.test/a:1"}
	asked_for("Deployment", {"metadata": around, "spec": {"template": bare}}, ["a"]) == {"[shop]reg.test/a:1"}
	asked_for("CronJob", {"metadata": around, "spec": {"jobTemplate": {"spec": {"template": template}}}}, ["a"]) == {"[shop?a=pod]reg.test/a:1"}
	asked_for("PodTemplate", {"metadata": around, "template": bare}, ["a"]) == {"[shop]reg.test/a:1"}
}

test_takes_no_annotations_of_what_seems_to_be_two_things {
	both := object.union(annotated({"a": "1"}), {"template": {"spec": {"containers": []}}})
	asked_for("Pod", both, ["a"]) == {"[shop]reg.test/a:1"}
}
