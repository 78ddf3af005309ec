package backup

const (
	// Format is the version of the archive that is written, and the newest that is read.
	Format = 1
	// MaxFile bounds an archive as it lies on disk: what can be downloaded can be uploaded again.
	MaxFile = 8 << 20
	// MaxContent bounds what is in it, unpacked: it is in memory while a backup is made or read.
	MaxContent = 128 << 20
	// maxManifest bounds the manifest, maxLine a line of records, maxRecords their number.
	maxManifest = 1 << 20
	maxLine     = 32 << 20
	maxRecords  = 250_000
	// maxHistory bounds the revisions that a backup has.
	maxHistory = 100
	// maxWindow bounds the memory of decompression.
	maxWindow = 8 << 20
	// Keep is how many backups are kept: making one more removes the oldest that was made here.
	Keep = 20
	// keepUploaded is how many that were uploaded are kept; one more is refused.
	keepUploaded = 5
)
