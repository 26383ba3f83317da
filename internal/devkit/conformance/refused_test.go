package conformance

import (
	"maps"
	"testing"

	"github.com/openctr/ctr/internal/devkit/testmessages"
)

// TestPublishedMistakes pins the ids that reports and certificates of conformance refer to.
func TestPublishedMistakes(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"S30": "no-security",
		"S31": "sha1-signature",
		"S32": "sha1-digest",
		"S33": "timestamp-missing",
		"S34": "timestamp-unsigned",
		"S35": "body-unsigned",
		"S36": "clock-slow",
		"S37": "clock-fast",
		"S38": "changed-after-signing",
		"S39": "signature-reformatted",
		"S40": "wrapped",
		"S41": "replayed",
		"S42": "certificate-expired",
		"S43": "certificate-revoked",
		"S44": "certificate-untrusted",
		"S45": "certificate-cbe",
		"S46": "author-missing",
		"S47": "wrong-action",
		"S48": "wrong-content-type",
		"S49": "date-form",
		"S50": "rules",
		"S51": "reference-reused",
	}
	got := make(map[string]string, len(want))
	for _, m := range testmessages.Mistakes() {
		published, ok := publishedMistakes[m.Name]
		if !ok || got[published.id] != "" {
			t.Errorf("%s has no id of its own: %q", m.Name, published.id)
		}
		got[published.id] = m.Name
	}
	if !maps.Equal(got, want) || len(publishedMistakes) != len(want) {
		t.Errorf("the mistakes have the ids %v, want %v", got, want)
	}
}
