package interop_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func TestMain(m *testing.M) { os.Exit(interop.RunTests(m)) }

// findPython returns Debian's Python; only this one finds Debian's Python packages.
func findPython(t *testing.T) string {
	t.Helper()
	const debian = "/usr/bin/python3"
	if exec.CommandContext(t.Context(), debian, "-c", "import cryptography, xmlsec, zeep").Run() != nil {
		interop.SkipMissing(t, "python3-zeep python3-xmlsec python3-cryptography")
	}
	return debian
}

// zeepScript returns the absolute path of the zeep client, because programs run in temporary directories.
func zeepScript(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("zeep/client.py")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestZeepWalksThroughTheMainJob(t *testing.T) {
	t.Parallel()
	program := findPython(t)
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	for _, soap := range []string{"1.1", "1.2"} {
		for _, key := range []string{testpki.Hospital, authority.EntryEC} {
			t.Run("SOAP "+soap+", "+key, func(t *testing.T) {
				card := filepath.Join(t.TempDir(), "card.pdf")
				result := interop.RunProgram(t, program, zeepScript(t), "--url", service.URL, "--ca", service.CA, "--p12", service.P12[key],
					"--password-file", service.PasswordFile(), "--card", card, "--soap", soap)
				if result.ExitCode != 0 {
					t.Fatalf("exit %d\n%s%s", result.ExitCode, result.Stderr, service.Stderr())
				}
				var report struct {
					Number, Device string
					Refused        struct {
						Code       string
						Violations []struct{ Code, Path string }
					}
				}
				if err := json.Unmarshal([]byte(result.Stdout), &report); err != nil {
					t.Fatal(err)
				}
				if len(report.Number) != 15 || report.Device != "Total Knee System, femoral component, left, size 5" {
					t.Errorf("number %q, device %q", report.Number, report.Device)
				}
				v := report.Refused.Violations
				if report.Refused.Code != "RULES_VIOLATED" || len(v) != 2 || v[0].Code != "PRESCRIPTION_AFTER_OPERATION" || v[1].Code != "LOT_CONTRADICTS_UDI" {
					t.Errorf("refused with %+v", report.Refused)
				}
				if content, err := os.ReadFile(card); err != nil || !strings.HasPrefix(string(content), "%PDF-") {
					t.Errorf("the card: %v", err)
				}
			})
		}
	}
}

// TestZeepIsToldWhatItsDefaultsLack: zeep's defaults are the most frequent mistake of Python callers. The refusal
// must name the remedy in terms of zeep.
func TestZeepIsToldWhatItsDefaultsLack(t *testing.T) {
	t.Parallel()
	program := findPython(t)
	service := interop.StartService(t, interop.NewDevelopmentDirectory(t))
	source, err := os.ReadFile(zeepScript(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, changed, want string }{
		{"signed with SHA-1", "xmlsec.Transform.RSA_SHA256", "xmlsec.Transform.RSA_SHA1", "SIGNATURE_SHA1_REFUSED"},
		{"digests of SHA-1", "xmlsec.Transform.SHA256", "xmlsec.Transform.SHA1", "DIGEST_SHA1_REFUSED"},
		{"no Timestamp", "Compose([Timestamp(), Signer(p12, password)])", "Signer(p12, password)", "TIMESTAMP_MISSING"},
		{"Timestamp not signed", "Compose([Timestamp(), Signer(p12, password)])", "Compose([Signer(p12, password), Timestamp()])", "TIMESTAMP_NOT_SIGNED"},
	} {
		t.Run(test.name, func(t *testing.T) {
			changed := strings.Replace(string(source), test.old, test.changed, 1)
			if changed == string(source) {
				t.Fatalf("client.py does not hold %q", test.old)
			}
			file := filepath.Join(t.TempDir(), "client.py")
			interop.WriteFile(t, file, []byte(changed))
			result := interop.RunProgram(t, program, file, "--url", service.URL, "--ca", service.CA, "--p12", service.P12[testpki.Hospital],
				"--password-file", service.PasswordFile(), "--card", filepath.Join(t.TempDir(), "card.pdf"))
			message, paths, _ := strings.Cut(result.Stderr, "\n")
			if result.ExitCode == 0 || !strings.HasPrefix(message, test.want+": ") || !strings.Contains(message, "zeep") || !strings.HasPrefix(paths, "  "+test.want+" ") {
				t.Errorf("exit %d, %s", result.ExitCode, result.Stderr)
			}
		})
	}
}
