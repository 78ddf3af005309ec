package programs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheNewestVersionComesFirst(t *testing.T) {
	sets, err := All()
	if err != nil {
		t.Fatalf("%v; or: ci/deps store", err)
	}
	for i, s := range sets {
		if s.Major < 10 || i > 0 && s.Major >= sets[i-1].Major {
			t.Errorf("%+v", sets)
		}
	}
}

func TestAFolderWithoutProgramsSaysWhatToInstall(t *testing.T) {
	_, err := In(t.TempDir())
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "apt-get install") {
		t.Error(err)
	}
}

func TestProgramsThatSayNoVersionAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho something else\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := In(dir); err == nil || !strings.Contains(err.Error(), "something else") {
		t.Error(err)
	}
}

func TestAProgramRunsAsTheAccountWithoutOurEnvironment(t *testing.T) {
	t.Setenv("PGPASSWORD", "s3cret")
	a, err := AccountFor("")
	if err != nil {
		t.Fatal(err)
	}
	out, err := Set{Dir: "/bin"}.Command(context.Background(), a, "sh", "-c", "id -u; pwd; env").Output()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(out), "\n"); lines[0] == "0" || lines[1] != "/" || strings.Contains(string(out), "s3cret") {
		t.Errorf("%s", out)
	}
}

func TestRootIsNoAccountForAServer(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can name an account")
	}
	if _, err := AccountFor("root"); err == nil {
		t.Error("root was taken")
	}
	if _, err := AccountFor("no-such-user"); err == nil {
		t.Error("an account that does not exist was taken")
	}
}

func TestAFailureSaysTheEndOfWhatWasSaid(t *testing.T) {
	a, err := AccountFor("")
	if err != nil {
		t.Fatal(err)
	}
	err = Set{Dir: "/bin"}.Run(t.Context(), a, "/", "sh", "-c", "seq 1000; echo the reason >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.HasSuffix(err.Error(), "1000\nthe reason") || len(err.Error()) > tail+40 {
		t.Errorf("%v", err)
	}
}
