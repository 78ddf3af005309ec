package lab

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// tools are what the scenarios run; ci/deps installs them.
var tools = []string{"ip", "ethtool", "qemu-system-x86_64", "tshark", "dumpcap", "mergecap", "apt-get", "dpkg-deb", "xz", "busybox"}

// TestScenarios runs every file of scenarios/ with real hosts. One of them: FCR_LAB=1 go test ./ci/lab -run TestScenarios/plain-vlan100
func TestScenarios(t *testing.T) {
	if os.Getenv("FCR_LAB") != "1" {
		t.Skip("the lab boots virtual machines: it runs when FCR_LAB=1 (make lab)")
	}
	if os.Geteuid() != 0 {
		t.Fatal("the lab makes network namespaces and taps: run it as root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%v: run ci/deps lab", err)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// An interrupted lab cleans up, too.
	ctx, stop := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	build := filepath.Join(root, "build", "lab")
	unlock, err := Lock(build)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	began := time.Now()
	image, err := PrepareImage(ctx, filepath.Join(build, "image"), filepath.Join(root, "ci", "lab"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("image with kernel %s ready after %.1f s", image.Release, time.Since(began).Seconds())

	bin := filepath.Join(root, "bin")
	if other := os.Getenv("FCR_LAB_BIN"); other != "" {
		bin = other
	}
	files, err := filepath.Glob("scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		sc, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			t.Logf("%s", sc.Proves)
			lab := &Lab{Image: image, Bin: bin, Build: build, Keep: os.Getenv("FCR_LAB_KEEP") == "1", Log: t.Logf}
			if err := lab.Run(ctx, sc); err != nil {
				t.Error(err)
			}
		})
	}
}
