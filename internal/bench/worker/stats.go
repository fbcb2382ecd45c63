package worker

import (
	"os"
	"runtime"
	"time"
)

// Stats are what a worker process uses. Heap is taken after a collection.
type Stats struct {
	At         int64  `json:"at"`
	CPU        int64  `json:"cpu"`      // user and system, nanoseconds, before the collection that this costs
	CPUAfter   int64  `json:"cpuAfter"` // after it: where the next stretch begins
	Heap       uint64 `json:"heap"`     // bytes that are alive
	Stacks     uint64 `json:"stacks"`   // bytes
	Total      uint64 `json:"total"`    // bytes allocated since the start
	Mallocs    uint64 `json:"mallocs"`  // objects allocated since the start
	Goroutines int    `json:"goroutines"`
	Files      int    `json:"files"` // open descriptors; -1: unknown here
	LogLines   int64  `json:"logLines"`
	Nodes      int    `json:"nodes"`
	Peak       int64  `json:"peak"` // largest resident size ever, bytes; 0: unknown here
}

func (w *worker) stats() Stats {
	s := Stats{At: time.Now().UnixNano(), Goroutines: runtime.NumGoroutine(), Files: -1}
	s.CPU, s.Peak = usage()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.Total, s.Mallocs = m.TotalAlloc, m.Mallocs
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	s.Heap, s.Stacks = m.HeapAlloc, m.StackInuse
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		s.Files = len(files) - 1 // without the one that reads the folder
	}
	s.CPUAfter, _ = usage()
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Nodes = len(w.nodes)
	for _, n := range w.nodes {
		s.LogLines += n.LogLines()
	}
	return s
}
