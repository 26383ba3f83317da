// Package browser drives a real browser for tests: it finds elements as a screen reader does, by role and accessible
// name, checks every page with axe-core, and fails a test for any message of the Content Security Policy.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Require skips a test unless make browser runs it, and fails it if there is no browser then.
func Require(t *testing.T) {
	t.Helper()
	if os.Getenv("CTR_BROWSER") == "" {
		t.Skip("make browser runs this test")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			return
		}
	}
	t.Fatal("no browser: apt-get install chromium")
}

// Size is the size of a window in CSS pixels.
type Size struct{ Width, Height int64 }

// The sizes of the tests: a desk, and the smallest phone that WCAG 2.2 names (1.4.10) with some room.
var (
	Desktop = Size{1280, 900}
	Phone   = Size{360, 740}
)

// Options configure a Tab.
type Options struct {
	Size        Size
	Language    string // of the browser
	WithScripts bool
	Axe         []byte // axe.min.js; pages are not checked without it
	Pictures    string // directory for screenshots
}

// Tab is one person's browser: its cookies are its own.
type Tab struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the tab lives as long as the test
	options Options
}

const stepTimeout = 30 * time.Second

// NewTab opens a browser without any state.
func NewTab(t *testing.T, o Options) *Tab {
	t.Helper()
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("lang", o.Language),
		chromedp.Flag("accept-lang", o.Language))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	tab := &Tab{t: t, ctx: ctx, options: o}
	if err := chromedp.Do(ctx); err != nil { // without a deadline, whose end would close the browser
		t.Fatal(err)
	}
	tab.runActions("set the size", chromedp.EmulateViewport(o.Size.Width, o.Size.Height))
	if !o.WithScripts {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if !strings.Contains(m.Text, "422") && !strings.Contains(m.Text, "404") {
				t.Errorf("the console says: %s", m.Text)
			}
		}
	}()
	return tab
}

func (b *Tab) runActions(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Picture("failed")
		b.t.Fatalf("%s: %v\n%s", what, err, b.Text())
	}
}

// Open opens a page.
func (b *Tab) Open(url string) {
	b.t.Helper()
	b.runActions("open "+url, chromedp.Navigate(url))
}

// byRole finds elements by their accessible role and name.
func byRole(role, name string) chromedp.QueryOption {
	return chromedp.ByFunc(func(ctx context.Context, t *chromedp.Target, n *chromedp.Node) ([]cdp.NodeID, error) {
		return queryRole(ctx, t, n, role, name)
	})
}

func queryRole(
	ctx context.Context, t *chromedp.Target, n *chromedp.Node, role, name string,
) ([]cdp.NodeID, error) {
	found, err := cdp.Call(ctx, t, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{
		NodeID: n.NodeID, Role: role, AccessibleName: name,
	})
	if err != nil || len(found.Nodes) == 0 {
		return nil, err
	}
	ids := make([]cdp.BackendNodeID, len(found.Nodes))
	for i, node := range found.Nodes {
		ids[i] = node.BackendDOMNodeID
	}
	nodes, err := cdp.Call(ctx, t, dom.PushNodesByBackendIDsToFrontend, dom.PushNodesByBackendIDsToFrontendParams{BackendNodeIDs: ids})
	return nodes.NodeIDs, err
}

// Click clicks a link or a button.
func (b *Tab) Click(role, name string) {
	b.t.Helper()
	b.runActions("click the "+role+" "+name, chromedp.Click(name, byRole(role, name)))
}

// ClickLast clicks the last of the links or buttons with this name.
func (b *Tab) ClickLast(role, name string) {
	b.t.Helper()
	last := chromedp.ByFunc(func(ctx context.Context, t *chromedp.Target, n *chromedp.Node) ([]cdp.NodeID, error) {
		ids, err := queryRole(ctx, t, n, role, name)
		return ids[max(0, len(ids)-1):], err
	})
	b.runActions("click the last "+role+" "+name, chromedp.Click(name, last))
}

// Fill replaces the value of a text field.
func (b *Tab) Fill(name, value string) {
	b.t.Helper()
	b.runActions("fill in "+name, chromedp.Focus(name, byRole("textbox", name)),
		chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.KeyEvent(value))
}

// Press types into a text field without replacing its value; "\r" is Enter.
func (b *Tab) Press(name, keys string) {
	b.t.Helper()
	b.runActions("type into "+name, chromedp.Focus(name, byRole("textbox", name)), chromedp.KeyEvent(keys))
}

// BackAndResend goes back to the answer to a form, which the browser has not kept, and sends the form again as its
// reload button does.
func (b *Tab) BackAndResend() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.NavigateBack()); err == nil || !strings.Contains(err.Error(), "ERR_CACHE_MISS") {
		b.t.Fatalf("the browser kept the page, or %v", err)
	}
	b.runActions("reload", chromedp.Reload())
}

// Select chooses an option of a list.
func (b *Tab) Select(name, value string) {
	b.t.Helper()
	b.runActions("select "+name, chromedp.SetValue(name, value, byRole("combobox", name)))
}

// WaitFor waits until an element is visible.
func (b *Tab) WaitFor(role, name string) {
	b.t.Helper()
	b.runActions("wait for the "+role+" "+name, chromedp.WaitVisible(name, byRole(role, name)))
}

// WaitForText waits until the page shows a text.
func (b *Tab) WaitForText(text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	for !strings.Contains(b.Text(), text) {
		if ctx.Err() != nil {
			b.t.Fatalf("wait for the text %s: %v\n%s", text, ctx.Err(), b.Text())
		}
	}
}

// ForgetSession deletes all cookies, as the end of a session does.
func (b *Tab) ForgetSession() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		b.t.Fatal(err)
	}
}

// Text returns the visible text of the page.
func (b *Tab) Text() string {
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	if err != nil {
		return err.Error()
	}
	return text
}

// Value returns the value of a text field.
func (b *Tab) Value(name string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Value(name, byRole("textbox", name)))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// URL returns the address of the page.
func (b *Tab) URL() string {
	b.t.Helper()
	url, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return url
}

// Check takes a screenshot, and has axe-core look for violations of WCAG 2.2 A and AA, if scripts run.
func (b *Tab) Check(name string) {
	b.t.Helper()
	b.Picture(name)
	if !b.options.WithScripts || b.options.Axe == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](string(b.options.Axe)+";0")); err != nil {
		b.t.Fatal(err)
	}
	const run = `axe.run(document,{runOnly:["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"]})` +
		`.then(r=>r.violations.map(v=>v.id+": "+v.help+" "+v.nodes.map(n=>n.target+" "+n.html)))`
	violations, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		b.t.Errorf("%s: %s", name, v)
	}
	const widest = `document.documentElement.scrollWidth <= document.documentElement.clientWidth`
	if fits, err := chromedp.Run(ctx, chromedp.Evaluate[bool](widest)); err != nil || !fits {
		b.t.Errorf("%s: the page is wider than the window (%v)", name, err)
	}
}

// Picture keeps a screenshot of the whole page.
func (b *Tab) Picture(name string) {
	if b.options.Pictures == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no screenshot: %v", err)
		return
	}
	if err := os.WriteFile(filepath.Join(b.options.Pictures, name+".png"), png, 0o600); err != nil {
		b.t.Error(err)
	}
}
