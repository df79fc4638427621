package lib.text

# A constraint's status keeps 253 bytes of what the audit found, "[Implied by NAME] " among them.
kept = {"line": 220, "image": 72}

# What denies a request is cut by nobody: a whole reason of 230 bytes, behind what it is about.
answered = {"line": 460, "image": 120}

# Of warnings the API server passes on 4,096 characters in all; names of constraints are among them.
max_answered = 7

# How much may be said in each of so many lines.
room(review, lines) = answered {
	is_string(review.operation)
	review.operation != ""
	lines <= max_answered
} else = kept

# One line of printable ASCII for people: the outcome and its code, where, which image, and why.
line(most, outcome, code, at, image, why) = cut(sprintf("%s %s%s%s: %s", [outcome, cut(printable(code, 40), 40), where, name, printable(why, most.line)]), most.line) {
	where := prefixed(cut(printable(at, 256), 48))
	name := prefixed(shorten(image, most.image))
}

prefixed("") = ""

prefixed(word) = concat("", [" ", word]) {
	word != ""
}

# An image by name with 12 digits of its digest; of a long one the start and the end.
shorten(image, most) = short {
	name := regex.replace(printable(image, 1024), `(@sha256:[0-9a-f]{12})[0-9a-f]{52}$`, "$1")
	count(name) > most
	start := (most / 2) - 1
	end := (most / 2) - 2
	short := concat("", [substring(name, 0, start), "...", substring(name, count(name) - end, -1)])
} else = regex.replace(printable(image, 1024), `(@sha256:[0-9a-f]{12})[0-9a-f]{52}$`, "$1")

# At most `limit` characters of a text, "?" for each that is not printable ASCII; nothing of what is no text.
printable(text, limit) = regex.replace(substring(text, 0, limit + 1), `[^ -~]`, "?") {
	is_string(text)
} else = ""

cut(text, limit) = text {
	count(text) <= limit
} else = concat("", [substring(text, 0, limit - 3), "..."])

# A word in capitals such as NO_SIGNATURES, or the other one.
code(word, otherwise) = word {
	is_string(word)
	regex.match(`^[A-Z][A-Z0-9_]{1,39}$`, word)
} else = otherwise

# What stands under a name, null for nothing.
member(item, name) = value {
	value := item[name]
} else = null
