package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/gotribes/tribes/membership"
)

// shots has TestScreenshots run; it takes a minute or two.
var shots = flag.String("screenshots", "", "the `folder` to write pictures of the admin page to")

// TestScreenshots makes the pictures of docs/images:
//
//	go test ./examples/elb -run Screenshots -screenshots "$PWD/docs/images"
//
// Members and requests are real; of 30, one cannot be dialled by some of the others,
// one drains, and two crash. The 300 are made up, see throng.
func TestScreenshots(t *testing.T) {
	if *shots == "" {
		t.Skip("writes the pictures of docs/images; runs with -screenshots FOLDER")
	}
	for _, n := range []int{3, 30} {
		t.Run(fmt.Sprint(n), func(t *testing.T) { shoot(t, n) })
	}
	t.Run("300", func(t *testing.T) { shootThrong(t, 300) })
}

// shoot makes those of a group with n members.
func shoot(t *testing.T, n int) {
	ctx := browser(t)
	const domain = "wso2.is.domain"
	s := newStage(t, "-manage", domain)
	lame := free(t, 1)[0]
	s.blocked = func(from, to string) bool { // by the last digit of the port, as good as any third
		// The balancer is not among them: it is how the lame one gets to know the others.
		return n > 3 && to != s.member && (to == lame || from == lame) && (from[len(from)-1]+to[len(to)-1])%3 == 0
	}
	extra := 0
	if n > 3 {
		extra = 2 // that crash
	}
	for i := range n + extra {
		at := ""
		if i == 4 {
			at = lame
		}
		s.addAt(at, domain, fmt.Sprintf("is-%03d", i+1), map[string]string{"zone": string(rune('a' + i%3))}, worker(i))
	}
	s.sees(domain, n+extra)
	var wg sync.WaitGroup
	traffic, stop := context.WithCancel(t.Context())
	defer wg.Wait()
	defer stop()
	wg.Go(func() { s.keepAsking(traffic, n) })
	if n > 3 {
		require.NoError(t, s.nodes[7].SetState(t.Context(), membership.Draining))
		s.nodes[n].Close()
		s.nodes[n+1].Close()
		s.sees(domain, n)
		s.until("some cannot reach the one behind the firewall", func() bool {
			return slices.ContainsFunc(s.state().Domains[0].Members, func(m memberState) bool { return m.State == "suspect" })
		})
	}
	select { // for rates of whole windows
	case <-time.After(25 * time.Second):
	case <-t.Context().Done():
	}
	address := "http://" + s.admin + "/"
	look(t, ctx, address, fmt.Sprintf("admin-%d.png", n), "light", 1240)
	if n == 30 {
		look(t, ctx, address, "admin-30-dark.png", "dark", 1240)
		look(t, ctx, address, "admin-phone.png", "light", 390, chromedp.EmulateMobile)
	}
}

// look writes the picture of a page.
func look(t *testing.T, ctx context.Context, address, name, scheme string, width int64, options ...chromedp.EmulateViewportOption) {
	t.Helper()
	do(t, ctx, colours(scheme), chromedp.EmulateViewport(width, 700, options...), chromedp.Navigate(address))
	within(t, ctx, "live", `document.getElementById("link").textContent === "Live"`)
	shot := ask(t, ctx, chromedp.FullScreenshot(100))
	require.NoError(t, os.WriteFile(filepath.Join(*shots, name), small(t, shot), 0o644))
}

// colours has the page be light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return chromedp.Void{}, err
	}
}

// worker is the server of a member: each has its own pace, one fails now and then.
func worker(i int) http.Handler {
	count := 0
	var mu sync.Mutex
	next := says("ok", time.Duration(2+i*7%11)*time.Millisecond)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		count++
		fails := i == 2 && count%10 == 0
		mu.Unlock()
		if fails {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// keepAsking sends requests until ctx ends, now more and now fewer.
func (s *stage) keepAsking(ctx context.Context, n int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := 0; ctx.Err() == nil; i++ {
		wg.Go(func() {
			if _, err := s.request(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
				s.t.Log(err)
			}
		})
		pause := 12 - i/400%5*2
		select {
		case <-time.After(time.Duration(pause) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// request sends one.
func (s *stage) request(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.http+"/", nil)
	if err != nil {
		return 0, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// small makes a picture small: the colours that are used most, and each other one
// as the nearest of these. The page below 1,500 points is left out.
func small(t *testing.T, data []byte) []byte {
	t.Helper()
	in, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	area := in.Bounds()
	area.Max.Y = min(area.Max.Y, 1500)
	count := map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(in.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var all color.Palette
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.Color) int { return count[b.(color.RGBA)] - count[a.(color.RGBA)] })
	few := all[:min(len(all), 255)]
	nearest := map[color.RGBA]uint8{}
	out := image.NewPaletted(area, few)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			c := at(x, y)
			i, known := nearest[c]
			if !known {
				i = uint8(few.Index(c))
				nearest[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	var b bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out))
	require.Less(t, b.Len(), 200<<10, "too large for the repository")
	return b.Bytes()
}
