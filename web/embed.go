package web

import (
	"embed"
	"io/fs"
)

// dist has what vite wrote, and .keep, so that Go compiles where nothing was built.
//
//go:embed all:dist
var dist embed.FS

// Files are the embedded ones.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // it is embedded
	}
	return files
}
