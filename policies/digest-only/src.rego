package digestonly

import data.lib.exemptions
import data.lib.images
import data.lib.text

# One violation for each place whose image is not named by its digest.
violation[{"msg": msg, "details": details}] {
	not images.too_many(places)
	entry := places[_]
	not exemptions.exempt(entry.image, namespace, object.get(parameters, "exemptions", []))
	not by_digest(entry.image)
	msg := text.line(text.kept, "refused", "IMAGE_NOT_PINNED", entry.at, entry.image, "expected name@sha256:..., so that what runs is what was looked at")
	details := {"outcome": "refused", "code": "IMAGE_NOT_PINNED", "at": text.printable(entry.at, 256), "image": text.printable(entry.image, 1024)}
}

violation[{"msg": msg, "details": details}] {
	images.too_many(places)
	why := sprintf("expected at most %d images in one resource, found %d", [images.max_places, count(places)])
	msg := text.line(text.kept, "refused", "TOO_MANY_IMAGES", "", "", why)
	details := {"outcome": "refused", "code": "TOO_MANY_IMAGES", "at": "", "image": ""}
}

places = images.changed(input.review, object.get(parameters, "onUpdate", "changed"))

parameters = input.parameters {
	is_object(input.parameters)
} else = {}

namespace = input.review.namespace {
	is_string(input.review.namespace)
	input.review.namespace != ""
} else = input.review.object.metadata.namespace {
	is_string(input.review.object.metadata.namespace)
} else = ""

by_digest(image) {
	regex.match(`^[!-?A-~]+@(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`, image)
}
