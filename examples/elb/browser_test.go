package main

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// browser starts a headless Chromium for the test, with errors of pages in its
// log, and returns the context of a tab.
func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium (the Debian package) is not installed, so that the page cannot be looked at as a browser shows it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true),
		chromedp.WSURLReadTimeout(wide),
	)
	ctx, cancel := context.WithTimeout(context.Background(), 3*wide)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for it to end, so that its folder can be removed; it may have ended before
		cancel()
	})
	require.NoError(t, chromedp.Do(ctx), "the browser starts")
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*runtime.EventExceptionThrown); ok {
			t.Errorf("the page's script has failed: %v", e.ExceptionDetails)
		}
	}))
	return ctx
}

// do has the browser do something.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

// ask has the browser say something.
func ask[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	out, err := chromedp.Run(ctx, action)
	require.NoError(t, err)
	return out
}

// text reads what is seen of an element.
func text(t *testing.T, ctx context.Context, selector string) string {
	t.Helper()
	return ask(t, ctx, chromedp.Text(selector))
}

// within waits until an expression is true in the page.
func within(t *testing.T, ctx context.Context, why, expression string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond)))
	require.NoError(t, err, why)
}

// withoutScripts has pages run none.
func withoutScripts(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
	_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	return chromedp.Void{}, err
}

func TestThePageFollowsWhatHappens(t *testing.T) {
	ctx := browser(t)
	s := newStage(t, "-manage", "shop")
	first := s.add("shop", "first", nil, says("1", 0))
	s.sees("shop", 1)
	do(t, ctx, chromedp.Navigate("http://"+s.admin+"/"))
	within(t, ctx, "it says that it is live", `document.getElementById("link").textContent === "Live"`)
	require.Contains(t, text(t, ctx, "table"), "first")

	s.add("shop", "second", nil, says("2", 0))
	within(t, ctx, "a newcomer is in the table", `document.querySelector("table").innerText.includes("second")`)
	within(t, ctx, "and in the picture", `[...document.querySelectorAll("svg.web text")].some(e => e.textContent === "second")`)
	require.NoError(t, first.Close())
	within(t, ctx, "a crash is in the timeline", `document.querySelector(".timeline").innerText.includes("crashed")`)
	within(t, ctx, "and the member gone", `!document.querySelector("table").innerText.includes("first")`)
	loads := ask(t, ctx, chromedp.Evaluate[int](`performance.getEntriesByType("navigation").length`))
	require.Equal(t, 1, loads, "all of that without loading the page anew")
}

func TestWhatTheViewerHasUnderHandStays(t *testing.T) {
	ctx := browser(t)
	s := newStage(t, "-manage", "shop")
	s.add("shop", "first", nil, says("1", 0))
	s.sees("shop", 1)
	do(t, ctx, chromedp.Navigate("http://"+s.admin+"/?domain=shop"), chromedp.WaitVisible("#q"),
		chromedp.SendKeys("#q", "sec"))
	s.add("shop", "second", nil, says("2", 0))
	within(t, ctx, "news have come", `document.querySelector("table").innerText.includes("second")`)
	require.Equal(t, "sec", ask(t, ctx, chromedp.Value("#q")), "what is being typed is not overwritten")
	do(t, ctx, chromedp.Submit("#q"), chromedp.WaitVisible("table"))
	within(t, ctx, "only who was searched for", `document.querySelectorAll("tbody tr").length === 1`)
}

func TestThePageWorksWithoutJavaScript(t *testing.T) {
	ctx := browser(t)
	s := newStage(t, "-manage", "shop")
	for _, name := range []string{"first", "second"} {
		s.add("shop", name, nil, says(name, 0))
	}
	s.sees("shop", 2)
	do(t, ctx, withoutScripts, chromedp.Navigate("http://"+s.admin+"/"))
	require.Contains(t, text(t, ctx, "table"), "second")
	require.Contains(t, text(t, ctx, "#link"), "Reload", "it does not claim to be live")
	do(t, ctx, chromedp.Click(`h2 a`), chromedp.WaitVisible("#q"))
	require.Contains(t, ask(t, ctx, chromedp.Title()), "shop")
	do(t, ctx, chromedp.Click(`tbody tr a`), chromedp.WaitVisible(".facts"))
	require.Regexp(t, "^(first|second) ", ask(t, ctx, chromedp.Title()), "the page of a member, with who watches it")
	require.Contains(t, text(t, ctx, ".watchers"), "vouches")
}

func TestMarkupFromMembersIsText(t *testing.T) {
	const markup = `<img src=x onerror="document.title='broken'">`
	ctx := browser(t)
	s := newStage(t, "-manage", markup)
	m := s.add(markup, markup, map[string]string{markup: markup + "\n"}, says("x", 0))
	s.sees(markup, 1)
	page := query{"domain": markup}.of("/")
	for _, address := range []string{"/", page, query{"domain": markup, "id": m.Self().ID.String()}.of("/member")} {
		do(t, ctx, chromedp.Navigate("http://"+s.admin+address))
		within(t, ctx, "news have come", `Number(document.getElementById("live").dataset.news) >= 1`)
		require.Zero(t, ask(t, ctx, chromedp.Evaluate[int](`document.images.length`)), address)
		require.NotEqual(t, "broken", ask(t, ctx, chromedp.Title()))
		require.Contains(t, text(t, ctx, "main"), markup, "it is shown as it is")
	}
}

func TestNothingIsWiderThanTheScreen(t *testing.T) {
	ctx := browser(t)
	s := newStage(t, "-manage", "shop."+long)
	m := s.add("shop."+long, "member-"+long, map[string]string{"p" + long: long}, says("x", 0))
	s.add("shop."+long, "other", nil, says("x", 0))
	s.sees("shop."+long, 2)
	for _, width := range []int64{320, 360, 700, 1000, 1400} {
		for _, address := range []string{"/", query{"domain": "shop." + long}.of("/"),
			query{"domain": "shop." + long, "id": m.Self().ID.String()}.of("/member")} {
			do(t, ctx, chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Navigate("http://"+s.admin+address))
			needed := ask(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
			require.LessOrEqual(t, needed, width, "%s at %d", address, width)
		}
	}
}

// A label or a time on two lines pushes what belongs to it out of line, and the
// slowest 1 % on a line alone is not read with the requests.
func TestLabelsTakeOneLineOnAPhone(t *testing.T) {
	ctx := browser(t)
	s := newStage(t, "-manage", "shop")
	s.add("shop", "first", nil, says("1", 123*time.Millisecond))
	s.sees("shop", 1)
	_, err := s.request(t.Context())
	require.NoError(t, err)
	const broken = `[...document.querySelectorAll("dt, td.n, time")].filter(e => {
		const r = document.createRange();
		r.selectNodeContents(e);
		const lines = new Set([...r.getClientRects()].map(x => Math.round(x.top)));
		return lines.size > 1 || e.scrollWidth > e.clientWidth && e.clientWidth > 0;
	}).map(e => e.textContent).join()`
	const traffic = `new Set([...document.querySelectorAll(".tiles > div")].slice(-3).map(e => e.offsetTop)).size`
	for _, width := range []int64{320, 360, 390} {
		for _, address := range []string{"/", query{"domain": "shop"}.of("/")} {
			do(t, ctx, chromedp.EmulateViewport(width, 800, chromedp.EmulateMobile), chromedp.Navigate("http://"+s.admin+address))
			within(t, ctx, "news have come", `document.querySelector(".figures dt") !== null`)
			require.Empty(t, ask(t, ctx, chromedp.Evaluate[string](broken)), "%s at %d", address, width)
			require.Equal(t, 1, ask(t, ctx, chromedp.Evaluate[int](traffic)), "requests, errors and the slowest side by side at %d", width)
		}
	}
}

// long is a name without a place to break it.
const long = "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
