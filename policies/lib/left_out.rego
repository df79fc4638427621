package lib.left_out

both = {"unavailable", "misconfigured"}

# "2 of 3 images not evaluated: NAME (OUTCOME CODE), NAME (OUTCOME CODE) and 1 more: REASON OF THE FIRST"
summary = `^[0-9]{1,9} of [0-9]{1,9} images not evaluated: `

named = `^[0-9]{1,9} of [0-9]{1,9} images not evaluated: (?:[!-~]+ \((?:unavailable|misconfigured) [A-Z][A-Z0-9_]*\)(?:, )?)+`

# Why an image has no answer, as the provider's `systemError` or Gatekeeper's own has it: "possible" is every outcome that it may be.
# What the line leaves open may be either, so that a constraint for one of them does not let it pass.
cause(line, image) = {"outcome": entry.outcome, "possible": {entry.outcome}, "code": entry.code, "why": why(line, entry.code)} {
	mine := {entry | entry := entries(line)[_]; entry.name == name(image)}
	count(mine) == 1
	entry := mine[_]
} else = {"outcome": worst(possible), "possible": possible, "code": "NOT_EVALUATED", "why": line} {
	regex.match(summary, line)
	not regex.match(` and [0-9]+ more: `, line)
	possible := {entry.outcome | entry := entries(line)[_]}
	count(possible) > 0
} else = {"outcome": "unavailable", "possible": {"unavailable"}, "code": code(line, "PROVIDER_UNREACHABLE"), "why": words(line)} {
	passing(line)
} else = {"outcome": "misconfigured", "possible": both, "code": "ANSWER_INCOMPLETE", "why": why} {
	line == ""
	why := "the provider answered without a word on this image"
} else = {"outcome": "misconfigured", "possible": both, "code": code(line, "PROVIDER_FAILED"), "why": words(line)}

entries(line) = {entry |
	list := regex.replace(regex.find_n(named, substring(line, 0, 1100), 1)[0], summary, "")
	piece := split(list, ", ")[_]
	found := regex.find_all_string_submatch_n(`^([!-~]+) \((unavailable|misconfigured) ([A-Z][A-Z0-9_]*)\)$`, piece, 1)[0]
	entry := {"name": found[1], "outcome": found[2], "code": found[3]}
}

# As the provider names an image: without its tag where there is a digest, of which it shows 12 digits.
name(image) = regex.replace(image, `(?::[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]{12})[0-9a-f]{52}$`, "$1")

# The line ends with the reason of the first image, which is told for those with the same code.
why(line, shown) = reason {
	head := regex.find_n(named, substring(line, 0, 1100), 1)[0]
	first := regex.find_all_string_submatch_n(`\((?:unavailable|misconfigured) ([A-Z][A-Z0-9_]*)\)`, head, 1)[0][1]
	first == shown
	reason := regex.replace(trim_prefix(substring(line, 0, 1100), head), `^(?: and [0-9]+ more)?: `, "")
} else = "it could not be evaluated; the log of the provider says why"

worst(possible) = "misconfigured" {
	possible.misconfigured
} else = "unavailable"

# What passes by itself: the provider is late, gone or overloaded. An answer of another kind, or a broken trust in it, does not.
passing(line) {
	regex.match(`^failed to (?:send external data request|read external data response): `, line)
	not regex.match(`x509:|tls:`, line)
}

passing(line) {
	regex.match(`^(?:OVERLOADED|REQUEST_TIMEOUT|INTERNAL): `, line)
}

code(line, otherwise) = trim_suffix(found, ": ") {
	found := regex.find_n(`^[A-Z][A-Z0-9_]{1,39}: `, line, 1)[0]
} else = otherwise

# Gatekeeper puts the URL before what went wrong, which would then be cut off.
words(line) = regex.replace(plain, `^(failed to [a-z ]+: )(Post "[^"]*"): (.*)$`, "$1$3; $2") {
	plain := regex.replace(line, `^[A-Z][A-Z0-9_]{1,39}: `, "")
}
