package udi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/implants/udi"
)

const biipVersion = "5.2.0"

// installBiip returns a Python that has the library biip, an independent implementation of GS1's standards. It keeps
// its virtual environment in the cache directory of the user.
func installBiip(t *testing.T) string {
	t.Helper()
	skip := func(err error, output []byte) {
		text := fmt.Sprintf("python3 with biip %s is missing: apt-get install python3-venv, and a package index: %v %s",
			biipVersion, err, output)
		if os.Getenv("CI") == "true" {
			t.Fatal(text)
		}
		t.Skip(text)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		skip(err, nil)
	}
	directory := filepath.Join(cache, "ctr-tests", "biip-"+biipVersion)
	python := filepath.Join(directory, "bin", "python")
	if exec.CommandContext(t.Context(), python, "-c", "import biip").Run() == nil {
		return python
	}
	for _, command := range [][]string{
		{"python3", "-m", "venv", "--clear", directory},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "biip==" + biipVersion},
	} {
		if output, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			skip(err, output)
		}
	}
	return python
}

// TestBiipReadsTheSame makes 10,000 random carriers of known values, and compares them with what we read and with what
// biip reads. We must read all of them; knownDisagreement must explain each that biip does not read.
func TestBiipReadsTheSame(t *testing.T) {
	python := installBiip(t)
	random := rand.New(rand.NewPCG(12, 8))
	var input bytes.Buffer
	carriers := make([]madeCarrier, 10_000)
	for i := range carriers {
		carriers[i] = makeCarrier(random)
		line, _ := json.Marshal(carriers[i].text) // a string
		input.Write(append(line, '\n'))
	}
	command := exec.CommandContext(t.Context(), python, "testdata/read_gs1.py")
	command.Stdin, command.Stderr = &input, os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(lines) != len(carriers) {
		t.Fatalf("%d answers to %d carriers", len(lines), len(carriers))
	}
	explained := map[string]int{}
	for i, line := range lines {
		c := carriers[i]
		ours, fault := udi.Parse(c.text)
		got := map[string]string{
			"01": ours.DI, "10": ours.Lot, "11": ours.Manufactured.String(), "17": ours.Expiry.String(), "21": ours.Serial,
		}
		theirs := map[string]string{}
		if err = json.Unmarshal([]byte(line), &theirs); err != nil {
			t.Fatal(err)
		}
		agrees := true
		for identifier, value := range got {
			if value != c.values[identifier] || fault != nil {
				t.Errorf("%q\nwe read %q for (%s), %v", c.text, value, identifier, fault)
			}
			agrees = agrees && theirs[identifier] == c.values[identifier]
		}
		if agrees && theirs["refusal"] == "" {
			explained["agrees"]++
		} else if reason := knownDisagreement(theirs["refusal"]); reason != "" {
			explained[reason]++
		} else {
			t.Errorf("%q\nours   %v\ntheirs %v", c.text, got, theirs)
		}
	}
	t.Log(explained)
	if explained["agrees"] < 7500 {
		t.Errorf("only %d of 10,000 carriers are compared", explained["agrees"])
	}
}

var refusedElement = regexp.MustCompile(`GS1 AI \(([0-9]+)\)`)

// knownDisagreement explains why biip refuses a carrier, or returns an empty string. Biip refuses the whole carrier if
// the content of one element is impossible; we pass over the content of elements that the register does not keep.
func knownDisagreement(refusal string) string {
	m := refusedElement.FindStringSubmatch(refusal)
	switch {
	case m != nil && !strings.Contains(keptIdentifiers, " "+m[1]+" "):
		return "content of an element that we pass over"
	case strings.HasPrefix(refusal, "Failed to get GS1 Application Identifier"):
		// Its pattern for a value of the limited set z stops early, so that the rest is no identifier.
		return "characters of an element that we pass over"
	}
	return ""
}

const keptIdentifiers = " 01 10 11 17 21 "

// madeCarrier is a carrier and the values of its elements that the register keeps.
type madeCarrier struct {
	text   string
	values map[string]string
}

// makeCarrier returns a random carrier that follows the General Specifications: an element string, or its readable
// form.
func makeCarrier(random *rand.Rand) madeCarrier {
	c := madeCarrier{values: map[string]string{}}
	table := udi.TableOfIdentifiers()
	rows := []udi.TableRow{}
	for _, row := range table {
		if row.First == "01" || random.IntN(2) == 0 && strings.Contains(keptIdentifiers, " "+row.First+" ") ||
			random.IntN(100) == 0 {
			rows = append(rows, row)
		}
	}
	random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	isReadable := random.IntN(3) == 0
	var b strings.Builder
	if !isReadable {
		b.WriteString([]string{"", "]d2", "]C1", "]Q3", "]e0"}[random.IntN(5)])
	}
	for i, row := range rows {
		value := makeRandomValue(random, row)
		if c.values[row.First] = value; row.First == "11" || row.First == "17" {
			c.values[row.First] = readGS1Day(value)
		}
		switch {
		case isReadable:
			b.WriteString("(" + row.First + ")" + value)
		case row.IsPredefined || i == len(rows)-1:
			b.WriteString(row.First + value)
		default:
			b.WriteString(row.First + value + "\x1d")
		}
	}
	c.text = b.String()
	return c
}

// readGS1Day returns the day of six digits of this century, computed independently of the package.
func readGS1Day(digits string) string {
	if month, day := digits[:4], digits[4:]; day != "00" {
		return "20" + month[:2] + "-" + month[2:] + "-" + day
	}
	first, _ := time.Parse("20060102", "20"+digits[:4]+"01") // made of digits
	return first.AddDate(0, 1, -1).Format(time.DateOnly)
}

var formatPart = regexp.MustCompile(`(\[?)([nxyz])(\.\.)?([0-9]+)`)

// makeRandomValue returns a value of the row's format. Values that have a check digit or are dates get a valid one.
func makeRandomValue(random *rand.Rand, row udi.TableRow) string {
	digits := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte("0123456789"[random.IntN(10)])
		}
		return b.String()
	}
	switch row.First {
	case "01", "02", "03":
		return withGTINCheck("0" + digits(12))
	case "00":
		return withGTINCheck(digits(17))
	case "410":
		return withGTINCheck(digits(12))
	case "423", "425": // countries of three digits each
		return digits(3 * (2 + random.IntN(4)))
	case "11", "12", "13", "15", "16", "17", "7006", "4326":
		return fmt.Sprintf("%02d%02d%02d", random.IntN(51), 1+random.IntN(12), random.IntN(29))
	}
	const signs = `!"%&'*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz`
	var b strings.Builder
	for _, m := range formatPart.FindAllStringSubmatch(row.Format, -1) {
		n := 0
		for _, c := range m[4] {
			n = 10*n + int(c-'0')
		}
		if m[3] != "" {
			n = 1 + random.IntN(n)
		} else if m[1] != "" && random.IntN(2) == 0 {
			n = 0
		}
		if m[2] == "n" {
			b.WriteString(digits(n))
			continue
		}
		allowed := signs
		if m[2] == "y" {
			allowed = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		}
		for range n {
			b.WriteByte(allowed[random.IntN(len(allowed))])
		}
	}
	return b.String()
}
