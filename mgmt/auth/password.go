package auth

import (
	_ "embed"
	"strings"
	"unicode/utf8"
)

// common are passwords of which many people think, and words that they are made of; one a line, in lower case.
//
//go:embed common.txt
var commonText string

var common = func() map[string]bool {
	words := map[string]bool{}
	for line := range strings.Lines(commonText) {
		if line = strings.TrimSpace(line); line != "" {
			words[line] = true
		}
	}
	return words
}()

// weakness says what is wrong with a password; empty if nothing is. There are no rules about kinds of characters: they
// make passwords worse. Length counts, and that it is none of those which everybody tries first.
func weakness(name, password string) string {
	switch {
	case !utf8.ValidString(password):
		return "is no text"
	case utf8.RuneCountInString(password) < MinPassword:
		return "has less than 12 characters"
	case len(password) > MaxPassword:
		return "has more than 1024 bytes"
	case strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "has control characters"
	}
	folded := strings.ToLower(password)
	switch {
	case strings.EqualFold(password, name) || madeOf(folded, strings.ToLower(name)):
		return "is made of the account's name"
	case few(folded):
		return "has hardly any different characters"
	case run(folded):
		return "is a row of neighbouring characters"
	case isCommon(folded):
		return "is one that many people use"
	}
	return ""
}

// isCommon looks at the password as it is, without what people put before and behind, and with the usual replacements
// taken back.
func isCommon(folded string) bool {
	plain := strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")
	for _, form := range []string{folded, strings.Trim(folded, around), strings.TrimRight(folded, around)} {
		for _, s := range []string{form, plain.Replace(form)} {
			if common[s] || madeOfCommon(s) {
				return true
			}
		}
	}
	return false
}

// around is what people put before and behind a word, because they were told to.
const around = " 0123456789!?.,-_#*+@$%&"

// madeOfCommon says whether it is one common word again and again, or two of them.
func madeOfCommon(s string) bool {
	for i := 4; i < len(s); i++ {
		if common[s[:i]] && (common[s[i:]] || madeOf(s, s[:i])) {
			return true
		}
	}
	return false
}

// madeOf says whether s is nothing but word, again and again, with digits and signs between.
func madeOf(s, word string) bool {
	if word == "" || !strings.Contains(s, word) {
		return false
	}
	return strings.Trim(strings.ReplaceAll(s, word, ""), around) == ""
}

// few says whether there are less than five different characters.
func few(s string) bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen) < 5
}

// rows are what fingers find.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "01234567890123456789", "1234567890-=", "qwertyuiop[]", "qwertzuiopü",
	"azertyuiop", "asdfghjkl;'", "zxcvbnm,./", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.",
	"!qaz@wsx#edc$rfv", "1q2w3e4r5t6y7u8i9o0p",
}

// run says whether it consists of one or two rows, forwards or backwards.
func run(s string) bool {
	row := func(s string) bool {
		for _, r := range rows {
			if strings.Contains(r, s) || strings.Contains(r, reversed(s)) {
				return true
			}
		}
		return false
	}
	if row(s) {
		return true
	}
	for i := 4; i+4 <= len(s); i++ {
		if row(s[:i]) && row(s[i:]) {
			return true
		}
	}
	return false
}

func reversed(s string) string {
	r := []rune(s)
	for i, j := 0, len(r)-1; i < j; i, j = i+1, j-1 {
		r[i], r[j] = r[j], r[i]
	}
	return string(r)
}
