package pcap

const (
	// MaxRecord bounds one record, in bytes. It is tcpdump's largest snapshot length; a
	// record that claims more means a damaged file, and reading stops with an error.
	MaxRecord = 262144

	// MaxMerge bounds how many files a Merge takes: the next record is found by looking at
	// each, which stops being sensible beyond that.
	MaxMerge = 64
)
