package lib.images

places(resource) = {entry.at | entry := entries(resource)[_]}

full = {
	"containers": [{"name": "web", "image": "a"}],
	"initContainers": [{"name": "prepare", "image": "b"}],
	"ephemeralContainers": [{"name": "debug", "image": "c"}],
	"volumes": [{"name": "model", "image": {"reference": "d"}}, {"name": "scratch", "emptyDir": {}}],
}

everywhere = {
	{"at": "containers[web]", "image": "a"}, {"at": "initContainers[prepare]", "image": "b"},
	{"at": "ephemeralContainers[debug]", "image": "c"}, {"at": "volumes[model]", "image": "d"},
}

test_finds_every_place_in_a_pod {
	entries({"kind": "Pod", "spec": full}) == everywhere
}

test_finds_every_place_in_a_workload {
	entries({"kind": "Deployment", "spec": {"replicas": 1, "template": {"spec": full}}}) == everywhere
}

test_finds_every_place_in_a_cron_job {
	entries({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": full}}}}}) == everywhere
}

test_finds_every_place_in_a_pod_template {
	entries({"kind": "PodTemplate", "template": {"spec": full}}) == everywhere
}

test_finds_nothing_in_what_runs_no_pod {
	entries({"kind": "ConfigMap", "data": {"containers": "a"}}) == set()
	entries({"kind": "Widget", "spec": {"containers": 3, "volumes": "x", "template": null}}) == set()
	entries(null) == set()
}

test_keeps_a_place_without_an_image {
	entries({"spec": {"containers": [{"name": "web"}]}}) == {{"at": "containers[web]", "image": null}}
	entries({"spec": {"containers": ["odd", {"image": "a"}, null]}}) == {
		{"at": "containers[0]", "image": null},
		{"at": "containers[1]", "image": "a"}, {"at": "containers[2]", "image": null},
	}
	entries({"spec": {"volumes": [{"name": "model", "image": {}}]}}) == {{"at": "volumes[model]", "image": null}}
}

one(image) = {"spec": {"containers": [{"name": "web", "image": image}]}}

test_looks_at_nothing_of_a_deletion {
	changed({"operation": "DELETE", "object": one("a"), "oldObject": one("a")}, "all") == set()
}

test_looks_at_what_an_update_adds {
	changed({"operation": "UPDATE", "object": one("a"), "oldObject": one("a")}, "changed") == set()
	count(changed({"operation": "UPDATE", "object": one("b"), "oldObject": one("a")}, "changed")) == 1
}

test_looks_at_an_image_that_moves_to_another_place {
	old := {"spec": {"containers": [{"name": "web", "image": "a"}]}}
	new := {"spec": {"containers": [{"name": "web", "image": "a"}], "ephemeralContainers": [{"name": "web", "image": "a"}]}}
	changed({"operation": "UPDATE", "object": new, "oldObject": old}, "changed") == {{"at": "ephemeralContainers[web]", "image": "a"}}
}

test_looks_at_everything_of_an_update_if_told_or_not_told_well {
	count(changed({"operation": "UPDATE", "object": one("a"), "oldObject": one("a")}, "all")) == 1
	count(changed({"operation": "UPDATE", "object": one("a"), "oldObject": one("a")}, "Changed")) == 1
	count(changed({"operation": "UPDATE", "object": one("a"), "oldObject": one("a")}, 7)) == 1
}

test_looks_at_everything_where_there_is_no_old_object_or_no_operation {
	count(changed({"operation": "UPDATE", "object": one("a"), "oldObject": null}, "changed")) == 1
	count(changed({"operation": "", "object": one("a"), "oldObject": null}, "changed")) == 1
	count(changed({"object": one("a")}, "changed")) == 1
}
