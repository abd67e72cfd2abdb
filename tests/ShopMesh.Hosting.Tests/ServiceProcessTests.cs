using System.Diagnostics;
using System.Net;

namespace ShopMesh.Hosting.Tests;

/// <summary>Signals and exit codes, on shells that do as they are told.</summary>
public sealed class ServiceProcessTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("shopmesh-test-");
    private int _changes;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Stopping_asks_first_and_tells_the_exit_code()
    {
        using var process = Shell("trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.02; done");
        await process.StartAsync();
        await LoggedAsync(process, "hello");

        Assert.Equal(7, await process.StopAsync(TimeSpan.FromSeconds(5)));
        Assert.False(process.IsRunning);
        Assert.Equal("hello\nbye\n", await File.ReadAllTextAsync(process.LogFile, Cancel));
    }

    [Fact]
    public async Task Stopping_kills_what_does_not_stop_in_time()
    {
        using var process = Shell("trap '' TERM; echo hello; while :; do sleep 0.02; done");
        await process.StartAsync();
        await LoggedAsync(process, "hello");

        var watch = Stopwatch.StartNew();
        Assert.Equal(137, await process.StopAsync(TimeSpan.FromMilliseconds(300)));
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Stopping_reaches_a_paused_process()
    {
        using var process = Shell("trap 'exit 0' TERM; echo hello; while :; do sleep 0.02; done");
        await process.StartAsync();
        await LoggedAsync(process, "hello");
        process.Pause();

        Assert.Equal(0, await process.StopAsync(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task A_paused_process_does_nothing_until_it_is_resumed()
    {
        using var process = Shell("while :; do echo tick; sleep 0.02; done");
        await process.StartAsync();
        await LoggedAsync(process, "tick");

        process.Pause();
        await UntilAsync(() => process.Process!.IsPaused);
        var length = new FileInfo(process.LogFile).Length;
        await Task.Delay(200, Cancel);
        Assert.Equal(length, new FileInfo(process.LogFile).Length);
        Assert.True(process.IsRunning);

        process.Resume();
        await UntilAsync(() => new FileInfo(process.LogFile).Length > length);
        await process.KillAsync();
    }

    [Fact]
    public async Task A_killed_process_starts_again_and_its_log_goes_on()
    {
        using var process = Shell("echo hello; exec sleep 60");
        await process.StartAsync();
        await LoggedAsync(process, "hello");
        var first = process.Process!;
        await Assert.ThrowsAsync<InvalidOperationException>(process.StartAsync);

        await process.KillAsync();
        Assert.Equal(137, process.ExitCode);
        Assert.False(first.IsAlive);

        await process.StartAsync();
        await LoggedAsync(process, "hello\nhello");
        Assert.NotEqual(first, process.Process);
        Assert.Null(process.ExitCode);
        Assert.Equal(2, _changes);
        await process.KillAsync();
    }

    [Fact]
    public async Task It_is_ready_when_its_probe_says_so()
    {
        using var probe = new HttpListener();
        var address = $"http://127.0.0.1:{Ports.Next()}/";
        probe.Prefixes.Add(address);
        probe.Start();
        var status = 503;
        var answering = Task.Run(async () =>
        {
            while (probe.IsListening)
            {
                var context = await probe.GetContextAsync();
                context.Response.StatusCode = context.Request.Url!.AbsolutePath == "/health/ready" ? Volatile.Read(ref status) : 404;
                context.Response.Close();
            }
        }, Cancel);
        using var process = Shell("exec sleep 60", new(address));
        await process.StartAsync();

        var ready = process.WaitUntilReadyAsync(Cancel);
        await Task.Delay(300, Cancel);
        Assert.False(ready.IsCompleted);

        Volatile.Write(ref status, 200);
        await ready;
        await process.KillAsync();
        probe.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => answering);
    }

    [Fact]
    public async Task One_that_ends_before_it_is_ready_fails_at_once_with_the_end_of_its_log()
    {
        using var process = Shell("echo 'no such database'; exit 3");
        await process.StartAsync();

        var watch = Stopwatch.StartNew();
        var failure = await Assert.ThrowsAsync<ShopException>(() => process.WaitUntilReadyAsync(Cancel));
        Assert.Contains("exit code 3", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith("no such database", failure.Message, StringComparison.Ordinal);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void A_number_that_was_given_to_another_process_is_not_the_same_process()
    {
        Assert.True(ProcessIdentity.Current.IsAlive);
        Assert.False((ProcessIdentity.Current with { Birth = "another" }).IsAlive);
    }

    [Fact]
    public async Task A_process_has_a_session_of_its_own_so_that_the_terminals_signals_pass_it_by()
    {
        using var process = Shell("exec sleep 60");
        await process.StartAsync();
        // proc(5): the fields after the state are parent, process group and session.
        await UntilAsync(() => File.ReadAllText($"/proc/{process.Process!.Pid}/stat").Split(") ")[^1].Split(' ') is [_, _, var group, var session, ..]
            && group == session && session == $"{process.Process.Pid}");
        await process.KillAsync();
    }

    private ServiceProcess Shell(string script, Uri? http = null) => new(
        Topology.Service("catalog"),
        1,
        http ?? new($"http://127.0.0.1:{Ports.Next()}"),
        new("http://127.0.0.1:1"),
        Path.Combine(_directory.FullName, "catalog.log"),
        process => new("/bin/sh", "-c", script) { LogFile = process.LogFile },
        () => _changes++);

    private static Task LoggedAsync(ServiceProcess process, string text) =>
        UntilAsync(() => File.Exists(process.LogFile) && File.ReadAllText(process.LogFile).Contains(text, StringComparison.Ordinal));

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); await Task.Delay(20, Cancel))
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), "It took longer than 10 s.");
    }
}
