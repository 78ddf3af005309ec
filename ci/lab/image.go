package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Image is what a guest boots: files under build/lab/image, made once and kept until `make clean`.
type Image struct {
	Kernel    string // the uncompressed ELF kernel: QEMU enters it through PVH, 4 s earlier than a bzImage under TCG
	Initramfs string
	Release   string // of the kernel, for the log
}

//go:embed guest/init.sh
var initScript []byte

// kernelPackage is Debian's name for "the current kernel"; it depends on the package that holds the files.
const kernelPackage = "linux-image-amd64"

// modulesFor lists the modules that each role asks for by name; what these depend on comes along.
var modulesFor = map[Role][]string{
	RoleInitiator: {"e1000", "8021q", "fcoe", "sd_mod"},
	RoleTarget:    {"e1000", "8021q", "fcoe", "target_core_mod", "target_core_file", "tcm_fc"},
}

// PrepareImage returns the guests' image, and makes it first if there is none. The kernel is downloaded once; the initramfs
// is made again whenever something in it has changed. dir is build/lab/image, source the folder of this package.
//
// Stages: kernel package → vmlinux and modules → initramfs. Each result appears under its name only when complete. One
// caller at a time: the test holds the lab's lock.
func PrepareImage(ctx context.Context, dir, source string) (*Image, error) {
	ctx, cancel := context.WithTimeout(ctx, imageLimit)
	defer cancel()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	kernel := filepath.Join(dir, "kernel")
	if _, err := os.Stat(filepath.Join(kernel, "release")); errors.Is(err, fs.ErrNotExist) {
		if err := fetchKernel(ctx, dir, kernel); err != nil {
			return nil, fmt.Errorf("prepare kernel: %w", err)
		}
	}
	release, err := os.ReadFile(filepath.Join(kernel, "release"))
	if err != nil {
		return nil, err
	}
	initramfs, err := makeInitramfs(ctx, dir, source, filepath.Join(kernel, "modules"))
	if err != nil {
		return nil, fmt.Errorf("prepare initramfs: %w", err)
	}
	return &Image{Kernel: filepath.Join(kernel, "vmlinux"), Initramfs: initramfs, Release: string(release)}, nil
}

// fetchKernel downloads Debian's kernel package and takes out what we use. It is never installed on this machine.
func fetchKernel(ctx context.Context, dir, kernel string) error {
	tmp, err := os.MkdirTemp(dir, "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	release, deb, err := downloadKernel(ctx, tmp)
	if err != nil {
		return err
	}
	root, out := filepath.Join(tmp, "root"), filepath.Join(tmp, "kernel")
	if _, err := command(ctx, tmp, "dpkg-deb", "-x", deb, root); err != nil {
		return err
	}
	if err := collectModules(root, release, filepath.Join(out, "modules")); err != nil {
		return err
	}
	if err := unpackKernel(ctx, filepath.Join(root, "boot", "vmlinuz-"+release), filepath.Join(out, "vmlinux")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, "release"), []byte(release), 0o644); err != nil {
		return err
	}
	return os.Rename(out, kernel)
}

// downloadKernel fetches the package that linux-image-amd64 depends on, and says which kernel that is. When apt has no lists
// yet, or old ones that name a version which the mirror no longer has, they are updated once.
func downloadKernel(ctx context.Context, dir string) (release, deb string, err error) {
	for _, update := range []bool{false, true} {
		if update {
			if _, err := command(ctx, dir, "apt-get", "update"); err != nil {
				return "", "", err
			}
		}
		var depends []byte
		if depends, err = command(ctx, dir, "apt-cache", "depends", kernelPackage); err != nil {
			continue
		}
		if release, err = kernelRelease(string(depends)); err != nil {
			continue
		}
		// Without this option apt, as root, warns that its download user may not write here.
		if _, err = command(ctx, dir, "apt-get", "-o", "APT::Sandbox::User=root", "download", "linux-image-"+release); err == nil {
			break
		}
	}
	if err != nil {
		return "", "", err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", "", fmt.Errorf("download of kernel %s left %d packages: %v", release, len(debs), err)
	}
	return release, debs[0], nil
}

// kernelRelease reads the output of "apt-cache depends linux-image-amd64".
func kernelRelease(depends string) (string, error) {
	for line := range strings.Lines(depends) {
		if release, found := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); found {
			return release, nil
		}
	}
	return "", fmt.Errorf("apt knows no package that %s depends on: check this machine's package sources", kernelPackage)
}

// collectModules copies the wanted modules and, per role, the order to load them in (files "order.ROLE").
//
// modules.dep, which would tell it, is made by depmod when a package is installed, and ours is not; but each module names
// what it depends on itself, in its .modinfo section.
func collectModules(root, release, out string) error {
	paths := map[string]string{}
	top := filepath.Join(root, "lib", "modules", release, "kernel")
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".ko") {
			paths[moduleName(filepath.Base(path))] = path
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for role, wanted := range modulesFor {
		order, err := loadOrder(wanted, func(name string) ([]string, error) {
			if paths[name] == "" {
				return nil, fmt.Errorf("kernel %s has no module %s", release, name)
			}
			return moduleDepends(paths[name])
		})
		if err != nil {
			return err
		}
		for i, name := range order {
			content, err := os.ReadFile(paths[name])
			if err != nil {
				return err
			}
			order[i] += ".ko"
			if err := os.WriteFile(filepath.Join(out, order[i]), content, 0o644); err != nil {
				return err
			}
		}
		list := strings.Join(order, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(out, "order."+string(role)), []byte(list), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moduleName is the kernel's own spelling: files have dashes where names have underscores.
func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".ko"), "-", "_")
}

// loadOrder lists the wanted modules with all that they depend on, every module after its own dependencies.
func loadOrder(wanted []string, depends func(name string) ([]string, error)) ([]string, error) {
	var order []string
	seen := map[string]bool{}
	var visit func(name string) error
	visit = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		needs, err := depends(name)
		if err != nil {
			return err
		}
		for _, n := range needs {
			if err := visit(n); err != nil {
				return err
			}
		}
		order = append(order, name)
		return nil
	}
	for _, name := range wanted {
		if err := visit(moduleName(name)); err != nil {
			return nil, err
		}
	}
	return order, nil
}

// moduleDepends reads the "depends=" entry of a module file.
func moduleDepends(path string) ([]string, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("read module %s: no .modinfo section", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", path, err)
	}
	return modinfoDepends(info), nil
}

func modinfoDepends(info []byte) []string {
	for entry := range bytes.SplitSeq(info, []byte{0}) {
		if list, found := bytes.CutPrefix(entry, []byte("depends=")); found && len(list) > 0 {
			names := strings.Split(string(list), ",")
			for i := range names {
				names[i] = moduleName(names[i])
			}
			return names
		}
	}
	return nil
}

// unpackKernel takes the ELF kernel out of a bzImage. Where it lies is in the boot protocol's header (the kernel's
// Documentation/arch/x86/boot.rst): setup_sects at 0x1f1, payload_offset at 0x248, payload_length at 0x24c.
func unpackKernel(ctx context.Context, bzImage, out string) error {
	b, err := os.ReadFile(bzImage)
	if err != nil {
		return err
	}
	payload, err := kernelPayload(b)
	if err != nil {
		return fmt.Errorf("unpack %s: %w", bzImage, err)
	}
	xz := exec.CommandContext(ctx, "xz", "-dc")
	xz.Stdin = bytes.NewReader(payload)
	var complaint bytes.Buffer
	xz.Stderr = &complaint
	kernel, err := xz.Output()
	if err != nil {
		return fmt.Errorf("unpack %s: xz: %w: %s", bzImage, err, complaint.Bytes())
	}
	if !bytes.HasPrefix(kernel, []byte(elf.ELFMAG)) {
		return fmt.Errorf("unpack %s: what came out is no ELF file", bzImage)
	}
	return os.WriteFile(out, kernel, 0o644)
}

func kernelPayload(b []byte) ([]byte, error) {
	if len(b) < 0x250 || string(b[0x202:0x206]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	start := (int64(b[0x1f1])+1)*512 + int64(binary.LittleEndian.Uint32(b[0x248:]))
	end := start + int64(binary.LittleEndian.Uint32(b[0x24c:])) - 4 // the last word is the unpacked size
	if start >= end || end > int64(len(b)) {
		return nil, fmt.Errorf("payload from byte %d to %d, file of %d", start, end, len(b))
	}
	if !bytes.HasPrefix(b[start:end], []byte("\xfd7zXZ\x00")) {
		return nil, errors.New("the kernel inside is not packed with xz")
	}
	return b[start:end], nil
}

// makeInitramfs packs busybox, our init, diskcheck and the modules. The file's name carries a hash of its content's
// sources, so an old one is never taken for a new one.
func makeInitramfs(ctx context.Context, dir, source, modules string) (string, error) {
	busybox, err := readBusybox()
	if err != nil {
		return "", err
	}
	diskcheck := filepath.Join(dir, "diskcheck")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", diskcheck, "./diskcheck")
	build.Dir, build.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build diskcheck: %w: %s", err, out)
	}
	check, err := os.ReadFile(diskcheck)
	if err != nil {
		return "", err
	}
	a := &archive{}
	for _, path := range []string{"proc", "sys", "dev", "srv", "tmp"} {
		a.addDir(path)
	}
	a.add("bin/busybox", modeExec, busybox)
	a.add("bin/diskcheck", modeExec, check)
	a.add("init", modeExec, initScript)
	files, err := filepath.Glob(filepath.Join(modules, "*"))
	if err != nil {
		return "", err
	}
	slices.Sort(files)
	for _, f := range files {
		content, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		a.add("modules/"+filepath.Base(f), modeFile, content)
	}
	return a.save(dir)
}

// save writes the archive under a name made of its hash and removes older ones.
func (a *archive) save(dir string) (string, error) {
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return "", err
	}
	sum := sha256.Sum256(b.Bytes())
	path := filepath.Join(dir, "initramfs-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.WriteFile(path+".new", b.Bytes(), 0o644); err != nil {
		return "", err
	}
	// A run that still boots from an older one has the file open, so removing the name does it no harm.
	old, err := filepath.Glob(filepath.Join(dir, "initramfs-*"))
	if err != nil {
		return "", err
	}
	for _, o := range old {
		if o != path+".new" {
			os.Remove(o)
		}
	}
	return path, os.Rename(path+".new", path)
}

// readBusybox reads the static busybox; the ordinary package's would look for a C library that the guest does not have.
func readBusybox() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, errors.New("busybox is not installed: apt-get install busybox-static")
	}
	f, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s needs shared libraries: apt-get install busybox-static", path)
		}
	}
	return os.ReadFile(path)
}
