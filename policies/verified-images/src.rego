package verifiedimages

import data.lib.exemptions
import data.lib.images
import data.lib.left_out
import data.lib.text

# One violation for each place whose image was not accepted, if this constraint speaks of such an outcome.
violation[{"msg": msg, "details": details}] {
	found := told[_]
	msg := text.line(text.room(input.review, count(told)), found.outcome, found.code, found.at, found.image, found.why)
	details := {
		"outcome": found.outcome,
		"code": text.cut(found.code, 40),
		"at": text.printable(found.at, 256),
		"image": text.printable(found.image, 1024),
		"why": text.printable(found.why, 1024),
		"digest": text.printable(text.member(found.value, "digest"), 256),
		"policy": text.printable(text.member(found.value, "policy"), 512),
		"revision": text.printable(text.member(found.value, "revision"), 128),
	}
}

told = {found |
	found := findings[_]
	count(found.possible & wanted) > 0
}

outcomes = {"refused", "unavailable", "misconfigured"}

parameters = input.parameters {
	is_object(input.parameters)
} else = {}

provider = parameters.provider {
	is_string(parameters.provider)
} else = "countersign-provider"

# A constraint that does not say it in words that are known speaks of everything.
wanted = words {
	is_array(parameters.outcomes)
	words := {word | word := parameters.outcomes[_]}
	count(words) > 0
	count(words - outcomes) == 0
} else = outcomes

namespace = input.review.namespace {
	is_string(input.review.namespace)
	input.review.namespace != ""
} else = input.review.object.metadata.namespace {
	is_string(input.review.object.metadata.namespace)
} else = ""

places = images.changed(input.review, object.get(parameters, "onUpdate", "changed"))

looked_at = {entry |
	not images.too_many(places)
	entry := places[_]
	not exemptions.exempt(entry.image, namespace, object.get(parameters, "exemptions", []))
}

# What is not printable ASCII is no reference, and some of it would leave `external_data` undefined for the whole resource.
askable(image) {
	is_string(image)
	count(image) <= 950
	regex.match(`^[!-~]+$`, image)
}

# The brackets are always there, so that nothing in an image can name a namespace or an attribute.
key(image) = concat("", ["[", namespace, attributes, "]", image])

# The annotations that the constraint passes on, as far as the Pods have them.
attributes = concat("", ["?", concat("&", pairs)]) {
	annotations := images.annotations(input.review.object)
	pairs := [pair |
		name := passed_on[_]
		value := annotations[name]
		is_string(value)
		pair := concat("=", [urlquery.encode(name), urlquery.encode(substring(value, 0, 40))])
	]
	count(pairs) > 0
} else = ""

passed_on = sort({name | name := parameters.annotations[_]; is_string(name); name != ""}) {
	is_array(parameters.annotations)
} else = []

asked = {entry |
	place := looked_at[_]
	askable(place.image)
	entry := {"at": place.at, "image": place.image, "key": key(place.image)}
}

keys = {entry.key | entry := asked[_]}

response = external_data({"provider": provider, "keys": [name | name := keys[_]]}) {
	count(keys) > 0
}

# Every answer by its key, however many there are for one; a loop for each image would take a Pod of many past the webhook's time.
values = object.union_n([{pair[0]: {sprintf("%d", [i]): pair[1]}} | pair := response.responses[i]])

errors = object.union_n([{pair[0]: {sprintf("%d", [i]): pair[1]}} | pair := response.errors[i]])

system_error = response.system_error {
	is_string(response.system_error)
} else = ""

findings[found] {
	images.too_many(places)
	why := sprintf("expected at most %d images in one resource, found %d", [images.max_places, count(places)])
	found := finding({"at": "", "image": ""}, "refused", outcomes, "TOO_MANY_IMAGES", why)
}

findings[found] {
	entry := looked_at[_]
	not askable(entry.image)
	found := finding(entry, "refused", {"refused"}, "INVALID_REFERENCE", unaskable(entry.image))
}

findings[found] {
	count(keys) > 0
	not response
	entry := asked[_]
	found := finding(entry, "misconfigured", outcomes, "NO_ANSWER", "Gatekeeper did not ask the provider; look at its log")
}

findings[found] {
	response
	entry := asked[_]
	not values[entry.key]
	not errors[entry.key]
	cause := left_out.cause(system_error, entry.image)
	found := finding(entry, cause.outcome, cause.possible, cause.code, cause.why)
}

findings[found] {
	entry := asked[_]
	error := errors[entry.key][_]
	found := rejected(entry, error)
}

findings[found] {
	entry := asked[_]
	value := values[entry.key][_]
	not accepted(value)
	found := object.union(judged(entry, value), {"value": value})
}

findings[found] {
	system_error != ""
	count({entry | entry := asked[_]; not values[entry.key]; not errors[entry.key]}) == 0
	found := finding({"at": "", "image": ""}, "misconfigured", outcomes, "PROVIDER_FAILED", system_error)
}

# A Pod has containers; one that seems to have none was not understood.
findings[found] {
	input.review.kind.kind == "Pod"
	not images.deleting(input.review)
	count({entry | entry := images.entries(input.review.object)[_]}) == 0
	found := finding({"at": "", "image": ""}, "misconfigured", outcomes, "NO_IMAGES", "no image was found in the Pod")
}

finding(entry, outcome, possible, code, why) = {
	"at": entry.at, "image": entry.image, "value": null,
	"outcome": outcome, "possible": possible, "code": code, "why": why,
}

unaskable(image) = "expected an image reference of at most 950 characters, found more" {
	is_string(image)
	count(image) > 950
} else = "expected an image reference in printable ASCII, found other characters" {
	is_string(image)
	image != ""
} else = "expected an image reference, found none"

accepted(value) {
	value.isSuccess == true
}

judged(entry, value) = finding(entry, "refused", {"refused"}, text.code(object.get(value, ["reason", "code"], ""), "REFUSED"), words) {
	value.isSuccess == false
	words := first_text([["reason", "message"], ["verifierReports", 0, "errorReason"], ["verifierReports", 0, "message"]], value)
} else = finding(entry, "misconfigured", outcomes, "ANSWER_INVALID", "expected a verdict of the provider, found none in its answer")

rejected(entry, error) = finding(entry, "refused", {"refused"}, "INVALID_REFERENCE", trim_prefix(error, "INVALID_REFERENCE: ")) {
	startswith(error, "INVALID_REFERENCE: ")
} else = finding(entry, "misconfigured", outcomes, "ITEM_ERROR", error)

first_text(paths, value) = texts[0] {
	texts := [found | found := object.get(value, paths[_], ""); is_string(found); found != ""]
} else = "the image is not verified"
