package problem

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"testing"
)

func TestEveryCodeIsDeclaredOnceAndSaysWhatToDo(t *testing.T) {
	seen := map[Code]bool{}
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for _, e := range Catalogue {
		if seen[e.Code] {
			t.Errorf("%s is declared twice", e.Code)
		}
		seen[e.Code] = true
		if !form.MatchString(string(e.Code)) || e.Title == "" || e.Advice == "" || http.StatusText(e.Status) == "" || e.Status < 400 {
			t.Errorf("%+v is not whole", e)
		}
	}
}

func TestAnErrorThatIsNoProblemTellsNothingOfItself(t *testing.T) {
	p := Of(fmt.Errorf("open: %w", errors.New("/secret/place")))
	if p.Code != Internal || p.Status() != 500 || regexp.MustCompile("secret").MatchString(p.Detail) {
		t.Errorf("%+v", p)
	}
}

func TestAProblemIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("put alias: %w", New(Conflict, "Alias has changed.").At("body/wwpn", "is used twice"))
	if !Is(err, Conflict) || Is(err, NotFound) || Of(err).Fields[0].Location != "body/wwpn" {
		t.Errorf("%v", err)
	}
}
