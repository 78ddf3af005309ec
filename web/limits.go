package web

const (
	// tagBytes is how much of a file's SHA-256 stands in its entity tag: enough that two files never share one.
	tagBytes = 15
	// maxView bounds the path of a view: a few names.
	maxView = 256
	// maxWishes bounds the codings of one Accept-Encoding that are looked at. Browsers name 4.
	maxWishes = 16
)
