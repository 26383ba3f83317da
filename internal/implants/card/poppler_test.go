package card_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
)

var update = flag.Bool("update", false, "rewrite testdata")

// runPoppler runs a tool of poppler-utils, an independent PDF reader, and returns its standard output.
func runPoppler(t *testing.T, tool string, arguments ...string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		const hint = " is missing: apt-get install poppler-utils"
		if os.Getenv("CI") != "" {
			t.Fatal(tool + hint)
		}
		t.Skip(tool + hint)
	}
	var complaints strings.Builder
	command := exec.CommandContext(t.Context(), path, arguments...)
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("%s: %v\n%s", tool, err, complaints.String())
	}
	return string(out)
}

var spaceRun = regexp.MustCompile(`[ \t]+`)

// extractText returns the text of the card, with a form feed after each page.
func extractText(t *testing.T, file string) string {
	t.Helper()
	return spaceRun.ReplaceAllString(runPoppler(t, "pdftotext", "-layout", "-enc", "UTF-8", file, "-"), " ")
}

var pageCount = regexp.MustCompile(`(?m)^Pages:\s+(\d+)$`)

func countPages(t *testing.T, file string) int {
	t.Helper()
	info := runPoppler(t, "pdfinfo", file)
	if !strings.Contains(info, "(A4)") {
		t.Error("the pages are not A4")
	}
	match := pageCount.FindStringSubmatch(info)
	if match == nil {
		t.Fatal(info)
	}
	return must(strconv.Atoi(match[1]))
}

// boxedWord is a word on a page with its bounding box, in points from the top left corner.
type boxedWord struct {
	left, top, right, bottom float64
	text                     string
}

var wordBox = regexp.MustCompile(`<word xMin="([-.\d]+)" yMin="([-.\d]+)" xMax="([-.\d]+)" yMax="([-.\d]+)">(.*?)</word>`)

func wordsByPage(t *testing.T, file string) [][]boxedWord {
	t.Helper()
	var all [][]boxedWord
	for page := range strings.SplitSeq(runPoppler(t, "pdftotext", "-bbox", file, "-"), "</page>") {
		var words []boxedWord
		for _, m := range wordBox.FindAllStringSubmatch(page, -1) {
			at := func(i int) float64 { return must(strconv.ParseFloat(m[i], 64)) }
			words = append(words, boxedWord{at(1), at(2), at(3), at(4), m[5]})
		}
		if len(words) > 0 {
			all = append(all, words)
		}
	}
	return all
}

const pointsPerMillimetre = 72 / 25.4 // points per millimetre

// countFooterWords counts the words in the footer, which begins with the legend.
func countFooterWords(t *testing.T, words []boxedWord) int {
	t.Helper()
	key := slices.IndexFunc(words, func(w boxedWord) bool { return w.text == "Fabrikant" })
	if key < 0 {
		t.Fatal("a page has no key to the signs")
	}
	count := 0
	for _, w := range words {
		if w.bottom > words[key].top+2 {
			count++
		}
	}
	return count
}

// checkMargins checks that no word is outside the margins or overlaps the footer.
func checkMargins(t *testing.T, file string) {
	t.Helper()
	want := countFooterWords(t, wordsByPage(t, saveFile(t, mustRender(t, implantationCard())))[0])
	for i, words := range wordsByPage(t, file) {
		if got := countFooterWords(t, words); got != want {
			t.Errorf("page %d: %d words stand in the footer, where %d belong", i+1, got, want)
		}
		for _, w := range words {
			if w.left < 17.5*pointsPerMillimetre || w.right > 193*pointsPerMillimetre || w.top < 0 || w.bottom > 290*pointsPerMillimetre {
				t.Errorf("page %d: %.20q stands at %.0f–%.0f mm, %.0f mm", i+1, w.text, w.left/pointsPerMillimetre, w.right/pointsPerMillimetre, w.bottom/pointsPerMillimetre)
			}
		}
	}
}

// TestReadingOrder compares the structure of the cards, as a screen reader reads it, with testdata/*.txt.
func TestReadingOrder(t *testing.T) {
	for name, c := range map[string]implants.CardContent{
		"implantation": implantationCard(), "explantation": explantationCard(), "patient": patientCard(),
	} {
		t.Run(name, func(t *testing.T) {
			got := runPoppler(t, "pdfinfo", "-struct-text", saveFile(t, mustRender(t, c)))
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the reading order differs from %s; look at the difference, then use -update:\n%s", golden, got)
			}
		})
	}
}
