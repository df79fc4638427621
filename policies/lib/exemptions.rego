package lib.exemptions

# An image reference in full, so that nothing else can pass for one that is exempt.
reference = `^(?:[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha256:[0-9a-f]{64})?$`

# Whether a declared exemption names the image, as it is written, in the namespace.
exempt(image, namespace, exemptions) {
	regex.match(reference, image)
	exemption := exemptions[_]
	applies(exemption, namespace)
	matches(image, exemption.images[_])
}

applies(exemption, namespace) {
	exemption.namespaces[_] == namespace
}

applies(exemption, _) {
	is_object(exemption)
	not exemption.namespaces
}

# "registry.example/team/*": everything below. The slash keeps the star out of the host.
matches(image, pattern) {
	endswith(pattern, "/*")
	below := trim_suffix(pattern, "*")
	not contains(below, "*")
	startswith(image, below)
}

# "registry.example/pause": the repository with any tag or digest; with a tag or a digest, that reference alone.
matches(image, pattern) {
	image == pattern
}

matches(image, pattern) {
	startswith(image, pattern)
	regex.match(`^(?::[A-Za-z0-9_][A-Za-z0-9_.-]*)?(?:@sha256:[0-9a-f]{64})?$`, trim_prefix(image, pattern))
}
