package yamlconf

// Kind tells what a Node is.
type Kind uint8

// The three kinds of YAML nodes.
const (
	Scalar Kind = iota
	Mapping
	Sequence
)

func (k Kind) String() string {
	switch k {
	case Mapping:
		return "a mapping"
	case Sequence:
		return "a list"
	}
	return "a value"
}

// Style tells how a scalar was written, which decides whether it may stand for something
// other than text.
type Style uint8

// Scalar styles.
const (
	Plain  Style = iota // without quotes
	Quoted              // in single or double quotes
	Block               // literal block, |
	Absent              // nothing was written: "key:" alone
)

// Node is one node of the file. Text of a scalar has its quotes and escapes resolved. Items
// of a mapping are key, value, key, value …, in the order of the file.
type Node struct {
	Kind  Kind
	Style Style
	Span  Span
	Text  string
	Items []Node
}

// Empty tells whether there is no value: nothing written, or YAML's null.
func (n *Node) Empty() bool {
	if n.Kind != Scalar {
		return false
	}
	switch n.Style {
	case Absent:
		return true
	case Plain:
		return n.Text == "~" || n.Text == "null" || n.Text == "Null" || n.Text == "NULL"
	}
	return false
}

// typed tells what YAML takes a plain scalar for when it is not text: "a number",
// "true/false"; empty for text.
func (n *Node) typed() string {
	if n.Style != Plain {
		return ""
	}
	switch n.Text {
	case "true", "True", "TRUE", "false", "False", "FALSE":
		return "true/false"
	case ".inf", ".Inf", ".INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
		return "a number"
	}
	if isNumber(n.Text) {
		return "a number"
	}
	return ""
}

// isNumber follows the core schema of YAML 1.2: [-+]? digits, with a point or an exponent;
// 0x and 0o.
func isNumber(s string) bool {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'o') {
		for _, c := range []byte(s[2:]) {
			if s[1] == 'o' && (c < '0' || c > '7') || hexValue(c) < 0 {
				return false
			}
		}
		return true
	}
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	digits := 0
	digit := func() {
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			digits++
		}
	}
	digit()
	if i < len(s) && s[i] == '.' {
		i++
		digit()
	}
	if digits == 0 {
		return false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		digits = 0
		digit()
		if digits == 0 {
			return false
		}
	}
	return i == len(s)
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
