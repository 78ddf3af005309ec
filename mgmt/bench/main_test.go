package bench

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// The test binary is also the helper that the bench starts.
func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		if err := Helper(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func command(t *testing.T) []string {
	t.Helper()
	c, err := OwnCommand()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
