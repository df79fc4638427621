package lib.images

import data.lib.text

# Where a Pod's specification lies: in a Pod, a workload or Job, a CronJob, a PodTemplate.
pod_spec_paths = [["spec"], ["spec", "template", "spec"], ["spec", "jobTemplate", "spec", "template", "spec"], ["template", "spec"]]

# More than anything that runs has, and few enough for a verdict within the webhook's time: what comes later may be admitted unseen.
max_places = 200

container_fields = ["containers", "initContainers", "ephemeralContainers"]

# Every place of a resource that names an image: {"at": "containers[web]", "image": what stands there, null for nothing}.
entries(resource) = containers | volumes {
	containers := {{"at": label(field, index, item), "image": text.member(item, "image")} |
		spec := pod_specs(resource)[_]
		field := container_fields[_]
		item := spec[field][index]
	}
	volumes := {{"at": label("volumes", index, item), "image": text.member(source, "reference")} |
		item := pod_specs(resource)[_].volumes[index]
		source := item.image
	}
}

pod_specs(resource) = {spec |
	spec := object.get(resource, pod_spec_paths[_], null)
	is_object(spec)
}

label(field, index, item) = sprintf("%s[%s]", [field, item.name]) {
	is_string(item.name)
} else = sprintf("%s[%v]", [field, index])

# What of a review is looked at: nothing of a deletion, and of an update only what it adds, unless `on_update` is "all".
# An image that stays in its place starts nothing, and a Pod that is refused its updates cannot end.
changed(review, on_update) = set() {
	deleting(review)
} else = entries(review.object) - entries(review.oldObject) {
	review.operation == "UPDATE"
	on_update == "changed"
	is_object(review.oldObject)
} else = entries(review.object)

too_many(places) {
	count(places) > max_places
}

deleting(review) {
	review.operation == "DELETE"
}

# Annotations of the Pods that a resource is, or makes; those of the resource around them are not the Pods'.
annotations(resource) = found {
	paths := [path | path := pod_spec_paths[_]; is_array(object.get(resource, array.concat(path, ["containers"]), null))]
	count(paths) == 1
	holder := array.slice(paths[0], 0, count(paths[0]) - 1)
	found := object.get(resource, array.concat(holder, ["metadata", "annotations"]), {})
	is_object(found)
} else = {}
