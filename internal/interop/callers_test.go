package interop_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/interop"
	"github.com/openctr/ctr/internal/wire"
)

// who calls: with which key, and inside an organisation in whose name.
type who struct{ key, author string }

// caller is a client of the register that calls any operation in anybody's name. It returns the answer as JSON, with the
// names of the contract, or the codes of the refusal.
type caller interface {
	call(t *testing.T, as who, operation string, request any, written []byte) (answer []byte, refusal []string)
}

// shell calls with ctr, a process for each call.
type shell struct {
	service   *interop.Service
	program   string
	directory string
	calls     int
}

func newShell(t *testing.T, service *interop.Service) caller {
	t.Helper()
	return &shell{service: service, program: interop.Program(t, "ctr"), directory: t.TempDir()}
}

// refusedWith finds the codes in what ctr says of a refusal.
var refusedWith = regexp.MustCompile(`(?m)^  (?:- )?([A-Z][A-Z0-9_-]+)(?:  | at |$)`)

func (s *shell) call(t *testing.T, as who, operation string, request any, written []byte) (answer []byte, refusal []string) {
	t.Helper()
	s.calls++
	file := filepath.Join(s.directory, strconv.Itoa(s.calls)) // of a request or of a card
	interop.WriteFile(t, file, written)
	args := []string{"--json", "--p12", s.service.P12[as.key], "--password-file", s.service.Password(), "--url", s.service.URL, "--ca", s.service.CA}
	if as.author != "" {
		args = append(args, "--author", as.author)
	}
	result := interop.Run(t, s.program, append(args, commandOf(t, request, file)...)...)
	switch {
	case result.Code == 0 && result.Stderr == "":
		return withCard(t, operation, file, result.Stdout), nil
	case result.Code == 1 && result.Stdout == "" && strings.HasPrefix(result.Stderr, "ctr: refused\n"):
		for _, found := range refusedWith.FindAllStringSubmatch(result.Stderr, -1) {
			refusal = append(refusal, found[1])
		}
		return nil, refusal
	}
	t.Fatalf("ctr, %s: exit %d\n%s%s", operation, result.Code, result.Stdout, result.Stderr)
	return nil, nil
}

// withCard puts a card, which ctr writes into a file, back into its answer.
func withCard(t *testing.T, operation, file, printed string) []byte {
	t.Helper()
	if operation != "GetImplantCard" {
		return []byte(printed)
	}
	var answer wire.GetImplantCardResponse
	var err error
	if answer.Card.Content, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if err = json.Unmarshal([]byte(printed), &answer.Card); err != nil {
		t.Fatal(err)
	}
	octets, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// commandOf is the command of ctr that makes a request. What it takes from a file is in the file already.
func commandOf(t *testing.T, request any, file string) []string {
	t.Helper()
	switch r := request.(type) {
	case *wire.NotifyImplantRequest:
		return []string{"notify", file}
	case *wire.NotifyExplantRequest:
		return []string{"explant", file}
	case *wire.ReviseNotificationRequest:
		return []string{"revise", file}
	case *wire.SearchRequest:
		return searchOf(r)
	case *wire.GetImplantCardRequest:
		return flags("card", "--number", r.Of.NotificationNumber, "--patient", r.Of.Patient, "--emergency", r.EmergencyReason, "-o", file)
	case *wire.GetNotificationRequest:
		return flags("notification", "--number", r.Of.NotificationNumber, "--reference", r.Of.Reference, "--emergency", r.EmergencyReason)
	case *wire.ValidateNotificationRequest:
		return flags("validate", "--reference", r.Reference, "--version", r.Version)
	case *wire.DiscardNotificationRequest:
		return flags("discard", "--number", r.Of.NotificationNumber, "--reference", r.Of.Reference, "--version", r.Version, "--reason", r.Reason)
	case *wire.ListPendingNotificationsRequest:
		return flags("pending", "--state", r.State, "--offset", r.Offset, "--max", r.MaxElements)
	case *wire.ListPatientImplantsRequest:
		return flags("implants", "--patient", r.Patient, "--at", r.At, "--offset", r.Offset, "--max", r.MaxElements, "--emergency", r.EmergencyReason)
	case *wire.SearchDeviceRequest:
		c := r.Criteria
		return flags("devices", "--text", c.Text, "--code", c.NotificationCode, "--udi", c.UDI, "--category", c.Category, "--offset", r.Offset, "--max", r.MaxElements)
	case *wire.ListMandatesRequest:
		return flags("mandates", "--offset", r.Offset, "--max", r.MaxElements)
	case *wire.ListStaffRequest:
		return flags("staff", "--offset", r.Offset, "--max", r.MaxElements)
	case *wire.ManageMandateRequest:
		return changeOf(r.Change)
	case *wire.ManageStaffRequest:
		if c := r.Change.Assign; c != nil {
			return flags("staff assign", "--person", c.Person, "--role", c.Role, "--from", c.From, "--to", c.To)
		}
		return flags("staff end", "--person", r.Change.End.Person, "--role", r.Change.End.Role)
	}
	t.Fatalf("ctr has no command for %T", request)
	return nil
}

func searchOf(r *wire.SearchRequest) []string {
	all := flags("search", "--offset", r.Offset, "--max", r.MaxElements, "--emergency", r.EmergencyReason)
	switch c := r.Criteria; {
	case c.ByPatient != nil:
		p := c.ByPatient
		return append(all, flags("", "--patient", p.Patient, "--from", p.From, "--to", p.To, "--type", p.OperationType)...)
	case c.ByNotification != nil:
		return append(all, "--number", c.ByNotification.NotificationNumber)
	default:
		i := c.ByImplant
		return append(all, flags("", "--code", i.NotificationCode, "--udi", i.UDI, "--lot", i.LotNumber, "--serial", i.SerialNumber,
			"--from", i.From, "--to", i.To, "--type", i.OperationType)...)
	}
}

func changeOf(c wire.MandateChange) []string {
	switch {
	case c.Grant != nil:
		return flags("mandate grant", "--grantee", c.Grant.Grantee, "--from", c.Grant.From, "--to", c.Grant.To)
	case c.Accept != nil:
		return flags("mandate accept", "--grantor", c.Accept.Grantor)
	case c.Transfer != nil:
		return flags("mandate transfer", "--grantee", c.Transfer.Grantee, "--to", c.Transfer.To)
	}
	return flags("mandate end", "--grantee", c.End.Grantee, "--grantor", c.End.Grantor)
}

// flags are the words of a command and its flags, without those that are empty or zero.
func flags(command string, pairs ...any) []string {
	args := strings.Fields(command)
	for i := 0; i < len(pairs); i += 2 {
		if value := fmt.Sprint(pairs[i+1]); value != "" && value != "0" {
			args = append(args, fmt.Sprint(pairs[i]), value)
		}
	}
	return args
}

// zeep calls with zeep, in one process for all calls.
type zeep struct {
	service *interop.Service
	in      io.Writer
	out     *bufio.Reader
	said    *bytes.Buffer
}

func newZeep(t *testing.T, service *interop.Service, soap string) caller {
	t.Helper()
	script, err := filepath.Abs("zeep/operate.py")
	if err != nil {
		t.Fatal(err)
	}
	z := &zeep{service: service, said: &bytes.Buffer{}}
	command := interop.Command(t, python(t), nil, script, "--url", service.URL, "--ca", service.CA, "--password-file", service.Password(), "--soap", soap)
	in, out := pipes(t, command)
	command.Stderr, z.in, z.out = z.said, in, bufio.NewReader(out)
	if err = command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait() // it is ended with the test
	})
	return z
}

func pipes(t *testing.T, command *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = command.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	return in, out
}

func (z *zeep) call(t *testing.T, as who, operation string, _ any, written []byte) (answer []byte, refusal []string) {
	t.Helper()
	asked, err := json.Marshal(map[string]any{"p12": z.service.P12[as.key], "author": as.author,
		"operation": strings.ToLower(operation[:1]) + operation[1:], "content": contentOf(t, written)})
	if err == nil {
		_, err = z.in.Write(append(asked, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := z.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("operate.py, %s: %v\n%s", operation, err, z.said)
	}
	var said struct {
		Answer  json.RawMessage
		Refused *struct {
			Code       string
			Violations []struct{ Code string }
		}
	}
	if err = json.Unmarshal(line, &said); err != nil {
		t.Fatal(err)
	}
	if said.Refused == nil {
		return said.Answer, nil
	}
	refusal = []string{said.Refused.Code}
	for _, v := range said.Refused.Violations {
		refusal = append(refusal, v.Code)
	}
	return nil, refusal
}

// part is an element of a request.
type part struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Parts      []part     `xml:",any"`
}

// contentOf is a request as zeep takes it: an object of the names of its parts and attributes, and what is repeated as a list.
// What every request begins with is left to the script.
func contentOf(t *testing.T, written []byte) map[string]any {
	t.Helper()
	var request part
	if err := xml.Unmarshal(written, &request); err != nil {
		t.Fatal(err)
	}
	content := request.content()
	delete(content, "Id")
	delete(content, "IssueInstant")
	return content
}

func (p *part) content() map[string]any {
	all := map[string]any{}
	for _, a := range p.Attributes {
		if a.Name.Space != "xmlns" {
			all[a.Name.Local] = a.Value
		}
	}
	for i := range p.Parts {
		name, value := p.Parts[i].XMLName.Local, p.Parts[i].value()
		switch before := all[name].(type) {
		case nil:
			all[name] = value
		case []any:
			all[name] = append(before, value)
		default:
			all[name] = []any{before, value}
		}
	}
	return all
}

// value is what has parts or attributes as an object, and a text as such.
func (p *part) value() any {
	if all := p.content(); len(all) > 0 || p.Text == "" {
		return all
	}
	return p.Text
}

// send sends a request and returns the answer, or the codes of the refusal.
func send[R, Q any](p *play, as who, request *Q) (answer *R, refusal []string) {
	p.t.Helper()
	operation := strings.TrimSuffix(reflect.TypeFor[Q]().Name(), "Request")
	written, err := wire.Encode(operation+"Request", request)
	if err != nil {
		p.t.Fatal(err)
	}
	octets, refusal := p.caller.call(p.t, as, operation, request, written)
	p.used[operation] = true
	if refusal != nil {
		return nil, refusal
	}
	answer = new(R)
	if err = json.Unmarshal(octets, answer); err != nil {
		p.t.Fatalf("%s: %v: %s", operation, err, octets)
	}
	return answer, nil
}
