package lib.exemptions

digest = "@sha256:0123456789012345678901234567890123456789012345678901234567890123"

by(pattern) = [{"images": [pattern]}]

test_exempts_all_below_a_star {
	exempt("registry.example/team/app:1", "shop", by("registry.example/team/*"))
	exempt(concat("", ["registry.example/team/deep/app", digest]), "shop", by("registry.example/team/*"))
	exempt("registry.example:5000/app", "shop", by("registry.example:5000/*"))
}

test_exempts_a_repository_with_any_tag_or_digest {
	exempt("registry.example/pause", "shop", by("registry.example/pause"))
	exempt("registry.example/pause:3.9", "shop", by("registry.example/pause"))
	exempt(concat("", ["registry.example/pause:3.9", digest]), "shop", by("registry.example/pause"))
	exempt(concat("", ["registry.example/pause:3.9", digest]), "shop", by("registry.example/pause:3.9"))
}

not_exempt = [
	["registry.example/team", "registry.example/team/*"],
	["registry.example/teams/app", "registry.example/team/*"],
	["registry.example/teamwork", "registry.example/team"],
	["registry.example/team/app", "registry.example/team"],
	["registry.example.evil.test/team/app", "registry.example/team/*"],
	["evil.test/registry.example/team/app", "registry.example/team/*"],
	["registry.example:5000/team/app", "registry.example/team/*"],
	["registry.example:5000/evil", "registry.example"],
	["registry.example/team/../evil/app", "registry.example/team/*"],
	["registry.example/team//app", "registry.example/team/*"],
	["registry.example/team/app:1:2", "registry.example/team/*"],
	["registry.example/team/app@sha256:short", "registry.example/team/*"],
	["registry.example/team/app latest", "registry.example/team/*"],
	["registry.example/team/app\n", "registry.example/team/*"],
	["registry.example/team/[x]app", "registry.example/team/*"],
	["registry.example/team/app", "*"],
	["registry.example/team/app", "registry.example*"],
	["registry.example/team/app", "registry.*/team/*"],
	["registry.example/team/app", "*/team/*"],
	["registry.example/team/app", "registry.example/*/app"],
	["registry.example/team/app", ""],
	["registry.example/pause:3.10", "registry.example/pause:3.1"],
	["registry.example/team/app", null],
	[null, "registry.example/team/*"],
]

test_exempts_nothing_else {
	matched := {pair | pair := not_exempt[_]; exempt(pair[0], "shop", by(pair[1]))}
	matched == set()
}

test_keeps_to_its_namespaces {
	limited := [{"images": ["registry.example/*"], "namespaces": ["build"]}]
	exempt("registry.example/app", "build", limited)
	not exempt("registry.example/app", "shop", limited)
	not exempt("registry.example/app", "", limited)
}

test_exempts_nowhere_with_a_list_of_no_namespaces {
	not exempt("registry.example/app", "shop", [{"images": ["registry.example/*"], "namespaces": []}])
	not exempt("registry.example/app", "shop", [{"images": ["registry.example/*"], "namespaces": null}])
}

test_exempts_nothing_by_what_is_no_list {
	not exempt("registry.example/app", "shop", null)
	not exempt("registry.example/app", "shop", "registry.example/*")
	not exempt("registry.example/app", "shop", [{}])
	not exempt("registry.example/app", "shop", ["registry.example/*"])
}
