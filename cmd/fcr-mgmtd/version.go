package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/shm"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "of this program", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprintf(c.OutOrStdout(), "fcr-mgmtd %s, segment ABI %d, %s\n", version(), shm.ABI, runtime.Version())
			return nil
		},
	}
}

// version is the commit that the program was built from, as far as the build noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	if revision == "" {
		return "unversioned"
	}
	return revision + dirty
}
