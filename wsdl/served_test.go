package wsdl_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/wsdl"
)

var update = flag.Bool("update", false, "write testdata/ctr-v1.sha256 anew")

// TestServedDocumentsAreUnchanged compares every form of the contract, every schema and every file of the archive with
// the digest of what was published: toolkits of others generate code from these bytes. The archive is compared file by
// file, because its compression depends on the version of Go.
func TestServedDocumentsAreUnchanged(t *testing.T) {
	t.Parallel()
	var lines []string
	add := func(name string, document []byte) {
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(document), name))
	}
	for _, form := range xmlForms {
		add("?wsdl="+string(form), []byte(renderForm(t, form, address)))
	}
	archive := renderForm(t, wsdl.Zip, address)
	files, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files.File {
		var content bytes.Buffer
		r, opening := f.Open()
		if opening != nil {
			t.Fatal(opening)
		}
		if _, err = io.Copy(&content, r); err != nil {
			t.Fatal(err)
		}
		add("?wsdl=zip "+f.Name, content.Bytes())
		if schema, ok := contract.Schema(f.Name, "v1?xsd="); ok {
			add("?xsd="+f.Name, schema)
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[sha256.Size*2:], b[sha256.Size*2:]) })
	got := strings.Join(lines, "")
	const file = "testdata/ctr-v1.sha256"
	if *update {
		if err = os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the served documents are others (if that is meant: -update)\n%s", got)
	}
}
