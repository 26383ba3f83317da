package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// TestMain builds the programs. Most tests of this package run them as processes, as an operator does.
func TestMain(m *testing.M) { os.Exit(interop.RunTests(m)) }

func TestDemo(t *testing.T) {
	t.Parallel()
	pdftotext := interop.FindTool(t, "pdftotext", "poppler-utils")
	out := t.TempDir()
	result := interop.RunProgram(t, interop.ProgramPath(t, "ctrd"), "demo", "--out", out)
	if result.ExitCode != 0 || result.Stderr != "" {
		t.Fatalf("exit %d: %s", result.ExitCode, result.Stderr)
	}
	for _, want := range []string{
		"signed by NIHII-HOSPITAL=71000436", "registered as notification", "PRESCRIPTION_AFTER_OPERATION", "LOT_CONTRADICTS_UDI",
		"0 of 1 remain", "The remaining implants", "Done.",
		"https://127.0.0.1:8443/portal/",
	} {
		if !strings.Contains(result.Stdout, want) {
			t.Errorf("the demonstration does not tell %q:\n%s", want, result.Stdout)
		}
	}
	cards, err := filepath.Glob(filepath.Join(out, "implant-card-*.pdf"))
	if err != nil || len(cards) != 1 {
		t.Fatalf("cards: %v, %v", cards, err)
	}
	number := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(cards[0]), "implant-card-"), ".pdf")
	text := interop.RunProgram(t, pdftotext, "-layout", cards[0], "-")
	if text.ExitCode != 0 {
		t.Fatal(text.Stderr)
	}
	for _, want := range []string{
		"Leroy", "Jeanne", "Total Knee System, femoral", "component, left, size 5", "Total Knee System, tibial insert 9 mm",
		"L2201", "S-000917", "L2388", "S-004410", number,
		"Implantaatkaart", "Carte d’implant", "Implantatkarte", "Implant card",
	} {
		if !strings.Contains(text.Stdout, want) {
			t.Errorf("the card does not show %q:\n%s", want, text.Stdout)
		}
	}
}
