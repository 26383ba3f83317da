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

	"github.com/openctr/ctr/internal/testing/interop"
	"github.com/openctr/ctr/internal/wire/ctr"
)

// identity is the PKI entry of the signing key and, if an organisation signs, the author.
type identity struct{ key, author string }

// operationCaller calls any operation with any identity. It returns the response as JSON with the names of the
// contract, or the codes of the refusal.
type operationCaller interface {
	callOperation(t *testing.T, as identity, operation string, request any, written []byte) (answer []byte, refusal []string)
}

// ctrCaller calls with ctr, one process per call.
type ctrCaller struct {
	service   *interop.Service
	program   string
	directory string
	calls     int
}

func newCtrCaller(t *testing.T, service *interop.Service) operationCaller {
	t.Helper()
	return &ctrCaller{service: service, program: interop.ProgramPath(t, "ctr"), directory: t.TempDir()}
}

// refusalCodePattern matches the codes of a refusal in the output of ctr.
var refusalCodePattern = regexp.MustCompile(`(?m)^  (?:- )?([A-Z][A-Z0-9_-]+)(?:  | at |$)`)

func (s *ctrCaller) callOperation(t *testing.T, as identity, operation string, request any, written []byte) (answer []byte, refusal []string) {
	t.Helper()
	s.calls++
	file := filepath.Join(s.directory, strconv.Itoa(s.calls)) // of the request or the card
	interop.WriteFile(t, file, written)
	args := []string{"--json", "--p12", s.service.P12[as.key], "--password-file", s.service.PasswordFile(), "--url", s.service.URL, "--ca", s.service.CA}
	if as.author != "" {
		args = append(args, "--author", as.author)
	}
	result := interop.RunProgram(t, s.program, append(args, ctrCommand(t, request, file)...)...)
	switch {
	case result.ExitCode == 0 && result.Stderr == "":
		return embedCard(t, operation, file, result.Stdout), nil
	case result.ExitCode == 1 && result.Stdout == "" && strings.HasPrefix(result.Stderr, "ctr: refused\n"):
		for _, found := range refusalCodePattern.FindAllStringSubmatch(result.Stderr, -1) {
			refusal = append(refusal, found[1])
		}
		return nil, refusal
	}
	t.Fatalf("ctr, %s: exit %d\n%s%s", operation, result.ExitCode, result.Stdout, result.Stderr)
	return nil, nil
}

// embedCard puts the card, which ctr writes to a file, into the printed response.
func embedCard(t *testing.T, operation, file, printed string) []byte {
	t.Helper()
	if operation != "GetImplantCard" {
		return []byte(printed)
	}
	var answer ctr.GetImplantCardResponse
	var err error
	if answer.Card.Content, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if err = json.Unmarshal([]byte(printed), &answer.Card); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ctrCommand returns the arguments of ctr for a request. The file already contains a request that ctr reads from a
// file.
func ctrCommand(t *testing.T, request any, file string) []string {
	t.Helper()
	switch r := request.(type) {
	case *ctr.NotifyImplantRequest:
		return []string{"notify", file}
	case *ctr.NotifyExplantRequest:
		return []string{"explant", file}
	case *ctr.ReviseNotificationRequest:
		return []string{"revise", file}
	case *ctr.SearchRequest:
		return searchCommand(r)
	case *ctr.GetImplantCardRequest:
		return buildFlags("card", "--number", r.Of.NotificationNumber, "--patient", r.Of.Patient,
			"--emergency", r.EmergencyReason, "--emergency-patient", r.EmergencyPatient, "-o", file)
	case *ctr.GetNotificationRequest:
		return buildFlags("notification", "--number", r.Of.NotificationNumber, "--reference", r.Of.Reference,
			"--emergency", r.EmergencyReason, "--emergency-patient", r.EmergencyPatient)
	case *ctr.ValidateNotificationRequest:
		return buildFlags("validate", "--reference", r.Reference, "--version", r.Version)
	case *ctr.DiscardNotificationRequest:
		return buildFlags("discard", "--number", r.Of.NotificationNumber, "--reference", r.Of.Reference, "--version", r.Version, "--reason", r.Reason)
	case *ctr.ListPendingNotificationsRequest:
		return buildFlags("pending", "--state", r.State, "--offset", r.Offset, "--max", r.MaxElements)
	case *ctr.ListPatientImplantsRequest:
		return buildFlags("implants", "--patient", r.Patient, "--at", r.At, "--offset", r.Offset, "--max", r.MaxElements, "--emergency", r.EmergencyReason)
	case *ctr.SearchDeviceRequest:
		c := r.Criteria
		return buildFlags("devices", "--text", c.Text, "--code", c.NotificationCode, "--udi", c.UDI, "--category", c.Category, "--offset", r.Offset, "--max", r.MaxElements)
	case *ctr.ListMandatesRequest:
		return buildFlags("mandates", "--offset", r.Offset, "--max", r.MaxElements)
	case *ctr.ListStaffRequest:
		return buildFlags("staff", "--offset", r.Offset, "--max", r.MaxElements)
	case *ctr.ManageMandateRequest:
		return mandateCommand(r.Change)
	case *ctr.ManageStaffRequest:
		if c := r.Change.Assign; c != nil {
			return buildFlags("staff assign", "--person", c.Person, "--role", c.Role, "--from", c.From, "--to", c.To)
		}
		return buildFlags("staff end", "--person", r.Change.End.Person, "--role", r.Change.End.Role,
			"--organisation", r.Change.End.Organisation)
	}
	t.Fatalf("ctr has no command for %T", request)
	return nil
}

func searchCommand(r *ctr.SearchRequest) []string {
	all := buildFlags("search", "--offset", r.Offset, "--max", r.MaxElements, "--emergency", r.EmergencyReason,
		"--emergency-patient", r.EmergencyPatient)
	switch c := r.Criteria; {
	case c.ByPatient != nil:
		p := c.ByPatient
		return append(all, buildFlags("", "--patient", p.Patient, "--from", p.From, "--to", p.To, "--type", p.OperationType)...)
	case c.ByNotification != nil:
		return append(all, "--number", c.ByNotification.NotificationNumber)
	default:
		i := c.ByImplant
		return append(all, buildFlags("", "--code", i.NotificationCode, "--udi", i.UDI, "--lot", i.LotNumber, "--serial", i.SerialNumber,
			"--from", i.From, "--to", i.To, "--type", i.OperationType)...)
	}
}

func mandateCommand(c ctr.MandateChange) []string {
	switch {
	case c.Grant != nil:
		return buildFlags("mandate grant", "--grantee", c.Grant.Grantee, "--from", c.Grant.From, "--to", c.Grant.To)
	case c.Accept != nil:
		return buildFlags("mandate accept", "--grantor", c.Accept.Grantor)
	case c.Transfer != nil:
		return buildFlags("mandate transfer", "--grantee", c.Transfer.Grantee, "--to", c.Transfer.To)
	}
	return buildFlags("mandate end", "--grantee", c.End.Grantee, "--grantor", c.End.Grantor)
}

// buildFlags returns the words of a command and its flags, without empty and zero values.
func buildFlags(command string, pairs ...any) []string {
	args := strings.Fields(command)
	for i := 0; i < len(pairs); i += 2 {
		if value := fmt.Sprint(pairs[i+1]); value != "" && value != "0" {
			args = append(args, fmt.Sprint(pairs[i]), value)
		}
	}
	return args
}

// zeepCaller calls with zeep, in one process for all calls.
type zeepCaller struct {
	service *interop.Service
	stdin   io.Writer
	stdout  *bufio.Reader
	stderr  *bytes.Buffer
}

func newZeepCaller(t *testing.T, service *interop.Service, soap string) operationCaller {
	t.Helper()
	script, err := filepath.Abs("zeep/operate.py")
	if err != nil {
		t.Fatal(err)
	}
	z := &zeepCaller{service: service, stderr: &bytes.Buffer{}}
	command := interop.NewCommand(t, findPython(t), nil, script, "--url", service.URL, "--ca", service.CA, "--password-file", service.PasswordFile(), "--soap", soap)
	in, out := openPipes(t, command)
	command.Stderr, z.stdin, z.stdout = z.stderr, in, bufio.NewReader(out)
	if err = command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = command.Wait() // the end of the test kills it
	})
	return z
}

func openPipes(t *testing.T, command *exec.Cmd) (in io.WriteCloser, out io.Reader) {
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

func (z *zeepCaller) callOperation(t *testing.T, as identity, operation string, _ any, written []byte) (answer []byte, refusal []string) {
	t.Helper()
	asked, err := json.Marshal(map[string]any{"p12": z.service.P12[as.key], "author": as.author,
		"operation": strings.ToLower(operation[:1]) + operation[1:], "content": zeepContent(t, written)})
	if err == nil {
		_, err = z.stdin.Write(append(asked, '\n'))
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := z.stdout.ReadBytes('\n')
	if err != nil {
		t.Fatalf("operate.py, %s: %v\n%s", operation, err, z.stderr)
	}
	var body struct {
		Answer  json.RawMessage
		Refused *struct {
			Code       string
			Violations []struct{ Code string }
		}
	}
	if err = json.Unmarshal(line, &body); err != nil {
		t.Fatal(err)
	}
	if body.Refused == nil {
		return body.Answer, nil
	}
	refusal = []string{body.Refused.Code}
	for _, v := range body.Refused.Violations {
		refusal = append(refusal, v.Code)
	}
	return nil, refusal
}

// xmlPart is an element of a request.
type xmlPart struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Parts      []xmlPart  `xml:",any"`
}

// zeepContent converts a request to the format of zeep: an object with the names of elements and attributes, repeated
// elements as a list. The script adds Id and IssueInstant.
func zeepContent(t *testing.T, written []byte) map[string]any {
	t.Helper()
	var request xmlPart
	if err := xml.Unmarshal(written, &request); err != nil {
		t.Fatal(err)
	}
	content := request.toObject()
	delete(content, "Id")
	delete(content, "IssueInstant")
	return content
}

func (p *xmlPart) toObject() map[string]any {
	all := map[string]any{}
	for _, a := range p.Attributes {
		if a.Name.Space != "xmlns" {
			all[a.Name.Local] = a.Value
		}
	}
	for i := range p.Parts {
		name, value := p.Parts[i].XMLName.Local, p.Parts[i].toValue()
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

// toValue converts an element with children or attributes to an object, and any other to its text.
func (p *xmlPart) toValue() any {
	if all := p.toObject(); len(all) > 0 || p.Text == "" {
		return all
	}
	return p.Text
}

// sendRequest sends a request and returns the response, or the codes of the refusal.
func sendRequest[R, Q any](p *scenarioRun, as identity, request *Q) (answer *R, refusal []string) {
	p.t.Helper()
	operation := strings.TrimSuffix(reflect.TypeFor[Q]().Name(), "Request")
	written, err := ctr.Encode(operation+"Request", request)
	if err != nil {
		p.t.Fatal(err)
	}
	data, refusal := p.caller.callOperation(p.t, as, operation, request, written)
	p.used[operation] = true
	if refusal != nil {
		return nil, refusal
	}
	answer = new(R)
	if err = json.Unmarshal(data, answer); err != nil {
		p.t.Fatalf("%s: %v: %s", operation, err, data)
	}
	return answer, nil
}
