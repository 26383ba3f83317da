package evidence_test

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"

	"github.com/openctr/ctr/internal/evidence"
	"github.com/openctr/ctr/internal/testing/testpki"
)

func unpack(t *testing.T, file []byte) map[string][]byte {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func pack(tb testing.TB, files map[string][]byte) []byte {
	tb.Helper()
	var file bytes.Buffer
	archive := zip.NewWriter(&file)
	for name, content := range files {
		w, err := archive.Create(name)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func clone(files map[string][]byte) map[string][]byte {
	copied := make(map[string][]byte, len(files))
	for name, content := range files {
		copied[name] = bytes.Clone(content)
	}
	return copied
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("PK"))
	f.Add(pack(f, map[string][]byte{"statement.json": []byte("{}"), "statement.sig": {}, "service-key.pem": {}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		v := evidence.Verifier{Trust: testpki.NewTrustStore(t)}
		if report, err := v.Verify(bytes.NewReader(file), int64(len(file))); err == nil && len(report.Findings) == 0 {
			t.Error("accepted")
		}
	})
}
