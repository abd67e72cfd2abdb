using System.Collections.Concurrent;
using System.Diagnostics;

namespace ShopMesh.Hosting;

/// <summary>What to run, and how it is tied to this process.</summary>
internal sealed record ChildCommand(string Program, params IReadOnlyList<string> Arguments)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Takes what it prints, after what is there already.</summary>
    public required string LogFile { get; init; }

    public string Directory { get; init; } = "/";

    /// <summary>The user that it runs as; null for this one.</summary>
    public string? User { get; init; }

    /// <summary>It lives on when this process ends; else the kernel sends it <see cref="WhenOrphaned"/>.</summary>
    public bool Detached { get; init; }

    public Signal WhenOrphaned { get; init; } = Signal.Kill;
}

/// <summary>A program in a session of its own, so that a Ctrl-C in the terminal reaches us alone and we stop the others in order.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const long LogLimit = 16 * 1024 * 1024;
    private static readonly Lazy<string?> SetSid = new(() => Executables.Find("setsid"));
    private static readonly Lazy<string?> SetPriv = new(FindSetPriv);
    private static readonly Lazy<BlockingCollection<Action>> Launcher = new(StartLauncher);

    private readonly Process _process;

    private ChildProcess(Process process)
    {
        _process = process;
        // One that has ended already was never alive under this name.
        Identity = ProcessIdentity.Of(process.Id) ?? new(process.Id, "");
    }

    public ProcessIdentity Identity { get; }

    /// <summary>128 and the signal's number when a signal ended it; null while it runs.</summary>
    public int? ExitCode => _process.HasExited ? _process.ExitCode : null;

    public static async Task<ChildProcess> StartAsync(ChildCommand command)
    {
        if (new FileInfo(command.LogFile) is { Exists: true, Length: > LogLimit } log)
            log.MoveTo($"{log.FullName}.old", overwrite: true);

        // Every step is an exec, so the process that .NET started is the program itself in the end.
        var start = new ProcessStartInfo("/bin/sh")
        {
            WorkingDirectory = command.Directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (command.User is not null)
            start.UserName = command.User;
        string[] session = SetSid.Value is { } setSid ? [setSid] : [];
        string[] orphan = !command.Detached && SetPriv.Value is { } setPriv ? [setPriv, "--pdeathsig", $"{(int)command.WhenOrphaned}", "--"] : [];
        string[] arguments = ["-c", """log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1""", "sh", command.LogFile, .. session, .. orphan, command.Program, .. command.Arguments];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;

        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Launcher.Value.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        var process = await started.Task;
        process.StandardInput.Close();
        process.StandardOutput.Close();
        process.StandardError.Close();
        return new(process);
    }

    /// <summary>Until it has ended and its exit code is known.</summary>
    public Task WaitAsync(CancellationToken cancellationToken = default) => _process.WaitForExitAsync(cancellationToken);

    public void Dispose() => _process.Dispose();

    /// <summary>
    /// The kernel's "parent" of prctl(PR_SET_PDEATHSIG) is the thread that forked, and a thread of the pool ends when it is
    /// idle: so one thread that never ends forks them all.
    /// </summary>
    private static BlockingCollection<Action> StartLauncher()
    {
        var work = new BlockingCollection<Action>();
        new Thread(() =>
        {
            foreach (var action in work.GetConsumingEnumerable())
                action();
        })
        { IsBackground = true, Name = "launcher" }.Start();
        return work;
    }

    /// <summary>Null also where it is there and cannot do this, such as BusyBox's.</summary>
    private static string? FindSetPriv()
    {
        if (Executables.Find("setpriv") is not { } path)
            return null;
        using var probe = Process.Start(new ProcessStartInfo(path, ["--pdeathsig", "9", "--", "true"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        probe.WaitForExit();
        return probe.ExitCode == 0 ? path : null;
    }
}
