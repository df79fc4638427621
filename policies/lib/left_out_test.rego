package lib.left_out

digest = "sha256:0123456789012345678901234567890123456789012345678901234567890123"

two = "2 of 5 images not evaluated: reg.test/a@sha256:012345678901 (unavailable REGISTRY_UNREACHABLE), reg.test/b:1 (misconfigured NO_STORE): connect ECONNREFUSED"

test_knows_each_named_image {
	cause(two, sprintf("reg.test/a:9@%s", [digest])) == {
		"outcome": "unavailable", "possible": {"unavailable"},
		"code": "REGISTRY_UNREACHABLE", "why": "connect ECONNREFUSED",
	}
	cause(two, "reg.test/b:1") == {
		"outcome": "misconfigured", "possible": {"misconfigured"},
		"code": "NO_STORE", "why": "it could not be evaluated; the log of the provider says why",
	}
}

test_tells_the_first_reason_to_all_of_its_code {
	line := "2 of 2 images not evaluated: reg.test/a:1 (unavailable DEADLINE_EXCEEDED), reg.test/b:1 (unavailable DEADLINE_EXCEEDED): no verdict"
	cause(line, "reg.test/b:1").why == "no verdict"
}

test_takes_an_image_that_is_named_otherwise_for_all_that_is_left_out {
	found := cause(two, "b:1")
	found.possible == both
	found.outcome == "misconfigured"
	found.code == "NOT_EVALUATED"
	cause("1 of 5 images not evaluated: docker.io/library/b:1 (unavailable REGISTRY_DENIED): no", "b:1").possible == {"unavailable"}
}

test_takes_an_image_that_is_only_counted_for_either {
	found := cause("9 of 9 images not evaluated: reg.test/a:1 (unavailable REGISTRY_DENIED) and 8 more: no", "reg.test/b:1")
	found.possible == both
}

test_believes_no_name_in_the_reason {
	line := "2 of 2 images not evaluated: reg.test/a:1 (unavailable X) and 1 more: said, reg.test/b:1 (unavailable X), reg.test/b:1 (unavailable X): y"
	cause(line, "reg.test/b:1").possible == both
}

test_takes_a_name_with_two_outcomes_for_either {
	line := "2 of 2 images not evaluated: reg.test/a:1 (unavailable X), reg.test/a:1 (misconfigured Y): z"
	cause(line, "reg.test/a:1").possible == both
}

lines_that_pass = [
	`failed to send external data request: Post "https://127.0.0.1:1/verify": context deadline exceeded`,
	`failed to send external data request: Post "https://127.0.0.1:1/verify": EOF`,
	`failed to send external data request: Post "https://127.0.0.1:1/verify": dial tcp 127.0.0.1:1: connect: connection refused`,
	`failed to read external data response: context deadline exceeded`,
	"OVERLOADED: too much is being asked",
	"INTERNAL: an error of ours",
]

test_takes_an_outage_for_unavailable {
	{found.possible | found := cause(lines_that_pass[_], "reg.test/a:1")} == {{"unavailable"}}
}

lines_that_stay = [
	"",
	"key is not found in provider cache",
	`failed to send external data request: Post "https://127.0.0.1:1/verify": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
	`failed to send external data request: Post "https://127.0.0.1:1/verify": remote error: tls: protocol version not supported`,
	`failed to unmarshal external data response: invalid character '<' looking for beginning of value`,
	"NOT_FOUND: expected POST to one of the paths",
	"NO_CLIENT_CERTIFICATE: expected a client certificate",
	"BAD_REQUEST: expected a ProviderRequest",
	"something that nobody has seen before",
]

test_says_what_went_wrong_before_the_address {
	cause(lines_that_pass[2], "reg.test/a:1").why == `failed to send external data request: dial tcp 127.0.0.1:1: connect: connection refused; Post "https://127.0.0.1:1/verify"`
	cause(lines_that_pass[3], "reg.test/a:1").why == lines_that_pass[3]
	cause(lines_that_stay[2], "reg.test/a:1").why == `failed to send external data request: tls: failed to verify certificate: x509: certificate signed by unknown authority; Post "https://127.0.0.1:1/verify"`
}

test_takes_everything_else_for_either {
	{found.possible | found := cause(lines_that_stay[_], "reg.test/a:1")} == {both}
	{found.outcome | found := cause(lines_that_stay[_], "reg.test/a:1")} == {"misconfigured"}
}

test_takes_the_code_of_a_line {
	found := cause("NOT_FOUND: expected POST", "reg.test/a:1")
	found.code == "NOT_FOUND"
	found.why == "expected POST"
	cause("key is not found in provider cache", "reg.test/a:1").code == "PROVIDER_FAILED"
	cause("", "reg.test/a:1").code == "ANSWER_INCOMPLETE"
}
