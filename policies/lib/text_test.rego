package lib.text

hex = "0123456789012345678901234567890123456789012345678901234567890123"

test_names_outcome_code_place_image_and_reason {
	line(kept, "refused", "NO_SIGNATURES", "containers[web]", "reg.test/app:1", "nothing is attached") == "refused NO_SIGNATURES containers[web] reg.test/app:1: nothing is attached"
}

test_leaves_out_a_place_and_an_image_that_are_not_there {
	line(kept, "misconfigured", "NO_IMAGES", "", "", "none") == "misconfigured NO_IMAGES: none"
}

test_shows_twelve_digits_of_a_digest {
	shorten(concat("", ["reg.test/app:1@sha256:", hex]), 72) == "reg.test/app:1@sha256:012345678901"
}

test_shows_both_ends_of_a_long_name {
	short := shorten(concat("", ["reg.test/", sprintf("%0300d", [0]), "/app:1"]), 72)
	count(short) == 72
	startswith(short, "reg.test/")
	endswith(short, "/app:1")
}

# Twenty thousand characters; each of them is more than one byte.
long = replace(sprintf("%020000d", [0]), "0", "\u00e9")

test_is_at_most_220_bytes_of_printable_ascii_whatever_it_is_given {
	made := line(kept, "misconfigured", long, long, long, long)
	count(made) == 220
	regex.match(`^[ -~]+$`, made)
}

test_is_at_most_460_bytes_where_it_is_an_answer_to_a_request {
	made := line(room({"operation": "CREATE"}, 1), "misconfigured", long, long, long, long)
	count(made) == 460
	regex.match(`^[ -~]+$`, made)
}

test_answers_a_request_with_a_whole_reason_about_the_longest_image {
	why := sprintf("%0230d", [0])
	made := line(room({"operation": "UPDATE"}, 7), "misconfigured", sprintf("%040d", [0]), sprintf("%0256d", [0]), sprintf("%0300d", [0]), why)
	endswith(made, concat("", [": ", why]))
}

test_says_less_in_each_line_where_there_are_many {
	room({"operation": "CREATE"}, 8) == kept
}

test_takes_a_review_without_an_operation_for_the_audit {
	room({}, 1) == kept
	room({"operation": ""}, 1) == kept
	room({"operation": 3}, 1) == kept
}

test_has_no_control_character {
	made := line(kept, "refused", "CODE", "containers[\u0007]", "x\n\t\u001b[31m", "a\r\nb\u007f")
	made == "refused CODE containers[?] x???[31m: a??b?"
}

test_says_something_of_what_is_no_text {
	line(kept, "refused", "CODE", 3, null, {"x": 1}) == "refused CODE: "
}

test_takes_a_code_only_if_it_looks_like_one {
	code("NO_SIGNATURES", "OTHER") == "NO_SIGNATURES"
	code("no signatures", "OTHER") == "OTHER"
	code(7, "OTHER") == "OTHER"
	code("", "OTHER") == "OTHER"
	code(long, "OTHER") == "OTHER"
}
