package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What is written to a terminal: the other screen and back, without the cursor; home; clear to the end of the line or
// screen. There are no colours, so NO_COLOR has nothing to switch off.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	clearLine   = "\x1b[K"
	clearRest   = "\x1b[J"
)

// screen shows pages: on a terminal in place, else one after the other.
type screen struct {
	out  io.Writer
	tty  *os.File      // nil: no terminal, or one that cannot do this
	mode *unix.Termios // of standard input, to be put back
}

// newScreen takes over the terminal, if there is one. quit is called when q is typed.
func newScreen(out io.Writer, quit func()) *screen {
	s := &screen{out: out}
	f, ok := out.(*os.File)
	if term := os.Getenv("TERM"); !ok || term == "" || term == "dumb" {
		return s
	}
	if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
		return s
	}
	s.tty = f
	fmt.Fprint(f, enterScreen)
	in := int(os.Stdin.Fd())
	mode, err := unix.IoctlGetTermios(in, unix.TCGETS)
	if err != nil {
		return s // keys come from elsewhere: Ctrl-C ends it
	}
	raw := *mode
	raw.Lflag &^= unix.ICANON | unix.ECHO
	if unix.IoctlSetTermios(in, unix.TCSETS, &raw) == nil {
		s.mode = mode
		go awaitQuit(quit)
	}
	return s
}

// awaitQuit ends with the process: a read from a terminal cannot be called off.
func awaitQuit(quit func()) {
	key := make([]byte, 1)
	for {
		if n, err := os.Stdin.Read(key); err != nil || n == 1 && key[0] == 'q' {
			quit()
			return
		}
	}
}

// show shows what page says for the terminal's size, which may change.
func (s *screen) show(page func(width, height int) string) error {
	if s.tty == nil {
		_, err := io.WriteString(s.out, page(0, 0)+"\n")
		return err
	}
	rows, cols := 24, 80
	if size, err := unix.IoctlGetWinsize(int(s.tty.Fd()), unix.TIOCGWINSZ); err == nil && size.Row > 0 && size.Col > 0 {
		rows, cols = int(size.Row), int(size.Col)
	}
	lines := strings.Split(strings.TrimRight(page(cols, rows), "\n"), "\n")
	lines = lines[:min(len(lines), rows)]
	_, err := io.WriteString(s.tty, cursorHome+strings.Join(lines, clearLine+"\r\n")+clearLine+clearRest)
	return err
}

func (s *screen) close() {
	if s.tty == nil {
		return
	}
	fmt.Fprint(s.tty, leaveScreen)
	if s.mode != nil {
		_ = unix.IoctlSetTermios(int(os.Stdin.Fd()), unix.TCSETS, s.mode)
	}
}
