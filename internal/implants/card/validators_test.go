package card_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/card"
	"github.com/openctr/ctr/internal/implants/udi"
)

// requireCardCheck skips a test that needs Java, or a page of 300 dpi, unless make card-check runs it.
func requireCardCheck(t *testing.T) {
	t.Helper()
	if os.Getenv("CTR_CARD_CHECK") == "" {
		t.Skip("make card-check runs this test")
	}
}

// runTool runs a command and returns its standard output.
func runTool(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = dir
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, complaints.String())
	}
	return string(out)
}

// hostileCard returns a card whose values are as hard to set as possible.
func hostileCard() implants.CardContent {
	c := withoutNumber(implantationWithLines(3))
	c.Surgeries = append(c.Surgeries, explantationCard().Surgeries...)
	fillFreeTexts(&c, "Nguye\u0302\u0303n Łódź Ωμέγα Щербакова محمد بن سلمان שלום 12 (ב) 山 𝒳 \u202e fi <&> "+
		strings.Repeat("e\u0301\u0323", 40)+strings.Repeat("W", 120))
	return c
}

// TestVeraPDF has the reference validator judge the cards: archival (PDF/A-2a) and accessible (PDF/UA-1).
func TestVeraPDF(t *testing.T) {
	requireCardCheck(t)
	dir := t.TempDir()
	arguments := []string{"2a,ua1"}
	for name, c := range map[string]implants.CardContent{
		"one": implantationWithLines(1), "two": implantationCard(), "fifty": implantationWithLines(50), "patient": patientCard(),
		"explantation": explantationCard(), "nothing": {Patient: leroy}, "hostile": hostileCard(),
	} {
		file := filepath.Join(dir, name+".pdf")
		if err := os.WriteFile(file, mustRender(t, c), 0o600); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, file)
	}
	project := filepath.Join("testdata", "verapdf")
	classpath := filepath.Join(dir, "classpath")
	runTool(t, project, "mvn", "-q", "-B", "dependency:build-classpath", "-Dmdep.outputFile="+classpath)
	jars, err := os.ReadFile(classpath)
	if err != nil {
		t.Fatal(err)
	}
	out := runTool(t, project, "java", append([]string{"-XX:+UseSerialGC", "-cp", string(jars), "Validate.java"}, arguments...)...)
	if got := strings.Count(out, "PASS "); got != 2*(len(arguments)-1) {
		t.Errorf("%d of %d validations pass:\n%s", got, 2*(len(arguments)-1), out)
	}
	t.Log(out)
}

// TestSymbolsDecode reads the symbols of a printed page with programs that are not ours.
func TestSymbolsDecode(t *testing.T) {
	requireCardCheck(t)
	c := implantationCard()
	dir := t.TempDir()
	file := filepath.Join(dir, "card.pdf")
	const address = "https://ctr.example/verify/202611040001239-1-ABCDEFGHIJKLMNOP"
	b, err := card.Render(c, card.Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	runTool(t, dir, "pdftoppm", "-r", "300", "-png", "-singlefile", file, "card")
	image := filepath.Join(dir, "card.png")
	if got := strings.TrimSpace(runTool(t, dir, "zbarimg", "-q", "--raw", image)); got != address {
		t.Errorf("the QR code contains %q", got)
	}
	// dmtxread prints the separator FNC1 as the character that -G names.
	got := strings.Split(strings.TrimSpace(runTool(t, dir, "dmtxread", "-n", "-N", "2", "-G", "29", image)), "\n")
	var want []string
	for _, i := range c.Surgeries[0].Implants {
		want = append(want, udi.Carrier(i.UDI))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the DataMatrix symbols contain %q, not %q", got, want)
	}
}
