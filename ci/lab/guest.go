package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// guest is one host: a QEMU process and the control line to the init script inside.
//
// One request is outstanding at a time, made by the scenario's goroutine. lines is filled by the reader goroutine, which
// closes it when QEMU closes the line, that is, when the guest is gone.
type guest struct {
	host  *Host
	proc  *process
	lines chan string
	dir   string
}

// tapOf is the interface that a host's NIC is connected to.
func tapOf(h *Host) string { return "t-" + h.Name }

// Captures of a host's wire, taken by QEMU itself between NIC and tap: no socket of ours can miss or disturb a frame there.
func sentCapture(dir string, h *Host) string     { return filepath.Join(dir, h.Name+".sent.pcap") }
func receivedCapture(dir string, h *Host) string { return filepath.Join(dir, h.Name+".received.pcap") }

// startGuest boots a host. It returns before the kernel has printed a word.
func startGuest(ns *namespace, image *Image, sc *Scenario, h *Host, dir string) (*guest, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, h.Name+".qemu.log")
	proc, err := ns.spawn(spawnOptions{log: log, stdout: writer, stdin: true}, "qemu-system-x86_64", qemuArguments(image, sc, h, dir)...)
	writer.Close() // QEMU has its own copy; ours would keep the line open for ever
	if err != nil {
		reader.Close()
		return nil, fmt.Errorf("guest %s: %w", h.Name, err)
	}
	control, err := os.Create(filepath.Join(dir, h.Name+".control.log"))
	if err != nil {
		proc.kill()
		reader.Close()
		return nil, err
	}
	g := &guest{host: h, proc: proc, lines: make(chan string, 16), dir: dir}
	go g.read(reader, control)
	return g, nil
}

// qemuArguments describes the machine. q35 boots a second faster than pc here, and e1000 needs fewer exits than virtio
// for these small bursts. The default CPU model has all that Debian's kernel wants.
func qemuArguments(image *Image, sc *Scenario, h *Host, dir string) []string {
	return []string{
		"-machine", "q35", "-accel", "tcg", "-m", fmt.Sprint(guestMemoryMiB),
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
		"-kernel", image.Kernel, "-initrd", image.Initramfs, "-append", kernelArguments(sc, h),
		"-chardev", "file,id=console,path=" + filepath.Join(dir, h.Name+".console.log"), "-serial", "chardev:console",
		"-chardev", "stdio,id=control,signal=off", "-serial", "chardev:control",
		"-netdev", "tap,id=wire,script=no,downscript=no,ifname=" + tapOf(h),
		"-device", "e1000,netdev=wire,romfile=,mac=" + h.MAC, // nothing boots from it
		// The filter's words are the tap's: what the tap receives, the guest has sent.
		"-object", "filter-dump,id=sent,netdev=wire,queue=rx,file=" + sentCapture(dir, h),
		"-object", "filter-dump,id=received,netdev=wire,queue=tx,file=" + receivedCapture(dir, h),
	}
}

// kernelArguments: the kernel's own first, then the words that guest/init.sh reads.
func kernelArguments(sc *Scenario, h *Host) string {
	words := []string{
		"console=ttyS0", "panic=-1",
		// Mitigations, address randomisation and IPv6 cost boot time under TCG and protect nothing here.
		"mitigations=off", "nokaslr", "ipv6.disable=1",
		"fcr.role=" + string(h.Role), "fcr.wwpn=" + h.WWPN(),
	}
	if sc.VLAN != 0 {
		words = append(words, fmt.Sprintf("fcr.vlan=%d", sc.VLAN))
	}
	if h.Role == RoleTarget {
		var luns, acl []string
		for _, size := range h.LUNs {
			luns = append(luns, fmt.Sprint(int64(size)))
		}
		for i := range sc.Hosts {
			if sc.Hosts[i].Role == RoleInitiator {
				acl = append(acl, sc.Hosts[i].WWPN())
			}
		}
		words = append(words, "fcr.luns="+strings.Join(luns, ","), "fcr.acl="+strings.Join(acl, ","))
	}
	return strings.Join(words, " ")
}

// read passes the control line's lines on and keeps a copy of them.
func (g *guest) read(from io.ReadCloser, control io.WriteCloser) {
	defer close(g.lines)
	defer control.Close()
	defer from.Close()
	for scanner := bufio.NewScanner(from); scanner.Scan(); {
		line := strings.TrimSpace(scanner.Text())
		fmt.Fprintln(control, time.Now().Format("15:04:05.000"), line)
		if line != "" {
			g.lines <- line
		}
	}
}

// answer is what a guest replied: "ok" and its key=value pairs.
type answer map[string]string

// up waits until the guest is ready for requests.
func (g *guest) up(ctx context.Context) error {
	_, err := g.listen(ctx, "up", bootLimit)
	return err
}

// request sends one request and waits for its answer. limit is what the lab waits; a verb that waits inside the guest is
// told its own, shorter limit among args, so that the guest can say what is missing.
func (g *guest) request(ctx context.Context, limit time.Duration, verb string, args ...any) (answer, error) {
	words := []string{verb}
	for _, a := range args {
		words = append(words, fmt.Sprint(a))
	}
	if _, err := fmt.Fprintln(g.proc.stdin, strings.Join(words, " ")); err != nil {
		return nil, fmt.Errorf("guest %s: %s: %w", g.host.Name, verb, err)
	}
	a, err := g.listen(ctx, "ok", limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(words, " "), err)
	}
	return a, nil
}

// listen waits for a line that begins with the wanted word.
func (g *guest) listen(ctx context.Context, want string, limit time.Duration) (answer, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case line, open := <-g.lines:
		if !open {
			return nil, fmt.Errorf("guest %s is gone: %s", g.host.Name, g.lastWords())
		}
		a, err := parseAnswer(want, line)
		if err != nil {
			return nil, fmt.Errorf("guest %s: %w", g.host.Name, err)
		}
		return a, nil
	case <-timer.C:
		return nil, fmt.Errorf("guest %s: no %q within %v; console: %s", g.host.Name, want, limit, g.lastWords())
	case <-ctx.Done():
		return nil, fmt.Errorf("guest %s: waiting for %q: %w; console: %s", g.host.Name, want, context.Cause(ctx), g.lastWords())
	}
}

// parseAnswer splits an answer line. A "fail" line becomes an error with the guest's reason.
func parseAnswer(want, line string) (answer, error) {
	word, rest, _ := strings.Cut(line, " ")
	if word == "fail" {
		return nil, errors.New(rest)
	}
	if word != want {
		return nil, fmt.Errorf("said %q, want %q", line, want)
	}
	a := answer{}
	for pair := range strings.FieldsSeq(rest) {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return nil, fmt.Errorf("said %q: %q is no key=value", line, pair)
		}
		a[key] = value
	}
	return a, nil
}

// lastWords is the end of the guest's console: usually the reason why it does not answer.
func (g *guest) lastWords() string {
	return lastLines(filepath.Join(g.dir, g.host.Name+".console.log"), 5)
}

// quit switches the guest off.
func (g *guest) quit(ctx context.Context) error {
	if _, err := g.request(ctx, answerSlack, "quit"); err != nil {
		return err
	}
	return g.proc.wait(stopLimit)
}
