package interop_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/testing/interop"
)

// projectRoot is the directory in which the commands of a page are run.
const projectRoot = "../../.."

// readCommandBlocks returns a toolkit's page and its code blocks.
func (k toolkit) readCommandBlocks(t *testing.T) (page string, blocks []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(projectRoot, k.Page))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(data), "\n```\n") {
		if i%2 == 1 {
			blocks = append(blocks, part)
		}
	}
	if len(blocks) < 2 || blocks[0] != "make build\nbin/ctrd serve --dev --data ctr-data" {
		t.Fatalf("%s does not begin with the start of a service", k.Page)
	}
	return string(data), blocks
}

// TestPagesShowWhatIsRun: the page of each toolkit contains exactly the commands that the tests run.
func TestPagesShowWhatIsRun(t *testing.T) {
	t.Parallel()
	for _, kit := range readToolkits(t) {
		page, _ := kit.readCommandBlocks(t)
		lines := kit.Build
		for _, c := range kit.Clients {
			lines = append(lines, c.Run)
			if len(c.SOAP) == 0 || len(c.Keys) == 0 || len(c.MTOM) == 0 {
				t.Errorf("%s, %s: no variant to run", kit.folder, c.Name)
			}
		}
		for _, line := range lines {
			if !strings.Contains(page, line) {
				t.Errorf("%s does not show %q", kit.Page, line)
			}
		}
	}
}

// startPageService starts a service at the fixed address that the pages use, which must be free.
func startPageService(t *testing.T) *interop.Service {
	t.Helper()
	const address = "127.0.0.1:8443"
	var dialer net.Dialer
	if c, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
		_ = c.Close()
		t.Fatalf("something listens on %s, where the pages want their service", address)
	}
	return interop.StartService(t, interop.NewDevelopmentDirectory(t), "--listen", address)
}

// clientOutputPattern matches the client's JSON output after the output of its build.
var clientOutputPattern = regexp.MustCompile(`(?s)\{\s*"toolkit".*`)

// typePage runs the second code block of a page, which leads to the first accepted notification. It replaces only the
// data directory, because ctr-data may already exist.
func (k toolkit) typePage(t *testing.T, service *interop.Service) {
	t.Helper()
	_, blocks := k.readCommandBlocks(t)
	lines := strings.ReplaceAll(blocks[1], "../../../../ctr-data", service.Data)
	output, err := typeLines(t, projectRoot, lines)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, lines, output)
	}
	var report clientReport
	if err := json.Unmarshal([]byte(clientOutputPattern.FindString(output)), &report); err != nil || !numberPattern.MatchString(report.Number) {
		t.Errorf("%v: %s", err, output)
	}
}
