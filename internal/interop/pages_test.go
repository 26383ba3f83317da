package interop_test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/interop"
)

// root is the project's, from where a page's commands are typed.
const root = "../.."

// blocks are the blocks of commands and output on a toolkit's page.
func (k toolkit) blocks(t *testing.T) (page string, blocks []string) {
	t.Helper()
	octets, err := os.ReadFile(filepath.Join(root, k.Page))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(octets), "\n```\n") {
		if i%2 == 1 {
			blocks = append(blocks, part)
		}
	}
	if len(blocks) < 2 || blocks[0] != "make build\nbin/ctrd serve --dev --data ctr-data" {
		t.Fatalf("%s does not begin with the start of a service", k.Page)
	}
	return string(octets), blocks
}

// Whoever types what stands on a toolkit's page must type what is run here.
func TestPagesShowWhatIsRun(t *testing.T) {
	t.Parallel()
	for _, kit := range toolkits(t) {
		page, _ := kit.blocks(t)
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

// pageService is the service of the pages, at the address that they name. Nothing else may be there.
func pageService(t *testing.T) *interop.Service {
	t.Helper()
	const address = "127.0.0.1:8443"
	var dialer net.Dialer
	if c, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
		_ = c.Close()
		t.Fatalf("something listens on %s, where the pages want their service", address)
	}
	return interop.Start(t, interop.DevelopmentDirectory(t), "--listen", address)
}

// printed finds what the client prints, behind what its build says.
var printed = regexp.MustCompile(`(?s)\{\s*"toolkit".*`)

// typePage types the second block of a page, which leads to the first accepted notification. Only the folder of the service
// is another: ctr-data may be somebody's.
func (k toolkit) typePage(t *testing.T, service *interop.Service) {
	t.Helper()
	_, blocks := k.blocks(t)
	lines := strings.ReplaceAll(blocks[1], "../../../ctr-data", service.Data)
	said, err := typeLines(t, root, lines)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, lines, said)
	}
	var tells told
	if err := json.Unmarshal([]byte(printed.FindString(said)), &tells); err != nil || !fifteenDigits.MatchString(tells.Number) {
		t.Errorf("%v: %s", err, said)
	}
}
