package fleet

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// parentEnv has the test's program start a worker, print its number, and wait.
const parentEnv = "TRIBES_BENCH_TEST_PARENT"

func TestMain(m *testing.M) {
	Serve()
	if os.Getenv(parentEnv) != "" {
		p, err := spawn(newLog())
		if err != nil {
			panic(err)
		}
		fmt.Println(p.PID())
		p.Stop() // a worker that is stopped cannot see that its input has ended
		select {}
	}
	os.Exit(m.Run())
}

func TestAWorkerDoesNotOutliveItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"=1")
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	worker, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, running(worker))
	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))
	parent.Wait() // its status says that it was killed
	require.Eventually(t, func() bool { return !running(worker) }, 10*time.Second, 10*time.Millisecond)
}

// running says whether there is a process with that number which has not ended. One that has may stay in the list
// until somebody asks for its status.
func running(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
