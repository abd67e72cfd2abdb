using System.Diagnostics;

namespace ShopMesh.Hosting;

/// <summary>One replica of a service, as it ships: a process that can be stopped, killed, paused and started again, always at the same ports.</summary>
public sealed class ServiceProcess : IDisposable
{
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    // What listens here asks nobody's proxy.
    private static readonly HttpClient Probe = new(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(1) }) { Timeout = TimeSpan.FromSeconds(1) };

    private readonly Func<ServiceProcess, ChildCommand> _command;
    private readonly Action _changed;
    private ChildProcess? _process;

    internal ServiceProcess(MeshService service, int replica, Uri http, Uri grpc, string logFile, Func<ServiceProcess, ChildCommand> command, Action changed)
    {
        (Service, Replica, Http, Grpc, LogFile, _command, _changed) = (service, replica, http, grpc, logFile, command, changed);
        Name = NameOf(service, replica);
    }

    public MeshService Service { get; }

    /// <summary>From 1.</summary>
    public int Replica { get; }

    /// <summary>The service, and from the second replica on its number: <c>ordering-2</c>.</summary>
    public string Name { get; }

    /// <summary>HTTP/1.1: probes and metrics. The gateway's operations port.</summary>
    public Uri Http { get; }

    /// <summary>HTTP/2 in clear text: gRPC, and the JSON API as the gateway calls it. The gateway's public port.</summary>
    public Uri Grpc { get; }

    public string LogFile { get; }

    /// <summary>Null before its first start.</summary>
    public ProcessIdentity? Process => _process?.Identity;

    public bool IsRunning => _process is { ExitCode: null };

    /// <summary>128 and the signal's number when a signal ended it; null while it runs.</summary>
    public int? ExitCode => _process?.ExitCode;

    internal static string NameOf(MeshService service, int replica) => replica == 1 ? service.Name : $"{service.Name}-{replica}";

    /// <summary>Starts it, for the first time or again. It is ready later: <see cref="WaitUntilReadyAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">It is running.</exception>
    public async Task StartAsync()
    {
        if (IsRunning)
            throw new InvalidOperationException($"{Name} is running.");
        _process?.Dispose();
        _process = await ChildProcess.StartAsync(_command(this));
        _changed();
    }

    /// <exception cref="ShopException">It ended, or took longer than 60 s.</exception>
    public async Task WaitUntilReadyAsync(CancellationToken cancellationToken = default)
    {
        var watch = Stopwatch.StartNew();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (!IsRunning)
                throw new ShopException($"{Name} ended with exit code {ExitCode} before it was ready; its log ends with:{Environment.NewLine}{LogTail.Read(LogFile, 15)}");
            if (watch.Elapsed > ReadyLimit)
                throw new ShopException($"{Name} was not ready after {ReadyLimit.TotalSeconds} s; its log, {LogFile}, ends with:{Environment.NewLine}{LogTail.Read(LogFile, 15)}");
            await Task.Delay(PollInterval, cancellationToken);
        }
    }

    public Task<bool> IsReadyAsync(CancellationToken cancellationToken = default) => IsReadyAsync(Http, cancellationToken);

    /// <summary>SIGKILL: it ends at once, in the middle of whatever it does.</summary>
    public async Task KillAsync()
    {
        _process?.Identity.Send(Signal.Kill);
        await WaitForExitAsync();
    }

    /// <summary>SIGSTOP: it is there, holds its connections and its leases, and does nothing.</summary>
    public void Pause() => _process?.Identity.Send(Signal.Stop);

    /// <summary>SIGCONT, after <see cref="Pause"/>.</summary>
    public void Resume() => _process?.Identity.Send(Signal.Continue);

    /// <summary>SIGTERM, as Kubernetes stops a pod; after the grace SIGKILL.</summary>
    /// <param name="grace">By default 2.5 s.</param>
    /// <returns>The exit code: 0 when it went in peace, 137 when it was killed.</returns>
    public async Task<int> StopAsync(TimeSpan? grace = null)
    {
        if (_process is null)
            return 0;
        await _process.Identity.EndAsync(Signal.Terminate, grace ?? LocalShop.Grace);
        return await WaitForExitAsync();
    }

    /// <summary>Until it has ended.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken = default)
    {
        if (_process is null)
            return 0;
        await _process.WaitAsync(cancellationToken);
        return _process.ExitCode ?? 0;
    }

    public void Dispose() => _process?.Dispose();

    /// <param name="health">Where probes are answered.</param>
    public static async Task<bool> IsReadyAsync(Uri health, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await Probe.GetAsync(new Uri(health, "/health/ready"), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || e is TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}

/// <summary>A service of a running shop: one replica or more.</summary>
public sealed class LocalService(IReadOnlyList<ServiceProcess> replicas)
{
    public IReadOnlyList<ServiceProcess> Replicas { get; } = replicas;

    /// <summary>The first replica, where there is one alone.</summary>
    public ServiceProcess Process => Replicas[0];

    /// <inheritdoc cref="ServiceProcess.Http"/>
    public Uri Http => Process.Http;

    /// <inheritdoc cref="ServiceProcess.Grpc"/>
    public Uri Grpc => Process.Grpc;

    /// <summary>All replicas, as callers get them: <c>static:///host:port,host:port</c>.</summary>
    public string Address => $"static:///{string.Join(',', Replicas.Select(replica => replica.Grpc.Authority))}";
}
