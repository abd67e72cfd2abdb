using System.Security.Cryptography;
using System.Text;

namespace ShopMesh.Hosting;

/// <summary>The shop on this machine: its services as processes, as they ship, each with its own database in one PostgreSQL server.</summary>
public sealed class LocalShop : IAsyncDisposable
{
    /// <summary>
    /// What .NET's runtime is told, here and in containers; numbers are hexadecimal. Many processes are on few cores: code is optimised
    /// when it has been called 1,024 times instead of 30, and not instrumented for it, which took half of the CPU of a shop's first
    /// minute; a thread that waits for work does not spin, since that takes the CPU from its neighbours; and objects are looked through
    /// after every 4 MiB of new ones, and not after as much as the caches of all cores hold, which an idle service would sit on.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Runtime { get; } = new Dictionary<string, string>
    {
        ["DOTNET_gcServer"] = "0",
        ["DOTNET_TieredPGO"] = "0",
        ["DOTNET_TC_CallCountThreshold"] = "400",
        ["DOTNET_ThreadPool_UnfairSemaphoreSpinLimit"] = "0",
        ["DOTNET_GCgen0size"] = "400000",
    };

    /// <summary>How long a service may take to stop before it is killed.</summary>
    internal static readonly TimeSpan Grace = TimeSpan.FromSeconds(2.5);

    /// <summary>Stands for a service that is not part of the shop: nothing listens there, so a call is refused at once.</summary>
    private const string Nowhere = "127.0.0.1:1";

    private readonly LocalShopOptions _options;
    private readonly string _directory;
    private readonly FileStream _lock;
    private readonly Secrets _secrets;
    private readonly DateTimeOffset _startedAt = DateTimeOffset.UtcNow;
    private readonly Lock _state = new();
    private readonly Dictionary<string, LocalService> _services = [];
    private readonly Dictionary<string, string> _databases = [];
    private bool _released;
    private bool _disposed;

    private LocalShop(LocalShopOptions options, string directory, FileStream @lock, Secrets secrets) =>
        (_options, _directory, _lock, _secrets) = (options, directory, @lock, secrets);

    /// <summary>The one way in.</summary>
    public Uri Gateway => this[Topology.Gateway].Grpc;

    /// <summary>The embedded database; null when another server is used.</summary>
    public EmbeddedPostgres? Postgres { get; private set; }

    public IReadOnlyCollection<LocalService> Services => _services.Values;

    /// <summary>Every process but the database.</summary>
    public IEnumerable<ServiceProcess> Processes => _services.Values.SelectMany(service => service.Replicas);

    /// <exception cref="KeyNotFoundException">The service is not part of this shop.</exception>
    public LocalService this[string service] => _services[service];

    /// <summary>The connection string that a service uses, for its own database.</summary>
    public string Database(string service) => _databases[service];

    /// <summary>The secret of a service that is a client of identity: with it a test can call as that service.</summary>
    public string ClientSecret(string service) => _secrets.Clients[service];

    /// <summary>Starts it and waits until every part is ready. What a crashed shop left on the directory is ended first.</summary>
    /// <exception cref="ShopException">It cannot start; nothing of it runs then.</exception>
    public static async Task<LocalShop> StartAsync(LocalShopOptions options, IProgress<StartProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var services = Topology.Services.Where(service => options.Services.Contains(service.Name)).ToList();
        foreach (var name in options.Services.Concat(options.Replicas.Keys))
            Topology.Service(name);
        foreach (var service in services)
            ProgramOf(service, options);

        var directory = options.Directory ?? Path.Combine(Path.GetTempPath(), $"shopmesh-{Guid.CreateVersion7():N}");
        Directory.CreateDirectory(Path.Combine(directory, "logs"));
        Directory.CreateDirectory(DataDirectory(directory));
        var @lock = await LockAsync(directory);
        LocalShop? shop = null;
        try
        {
            if (options.GatewayPort is { } port && options.Services.Contains(Topology.Gateway) && !Ports.IsFree(port))
                throw new ShopException($"Port {port} is taken: stop what listens there, or choose another with --port.");
            if (options.Postgres is null && Directory.Exists(PostgresDirectory(directory)) && !File.Exists(SecretsFile(directory)))
                throw new ShopException($"The secrets that belong to the data in {PostgresDirectory(directory)} are gone: forget the data with ./shopmesh up --fresh.");

            shop = new(options, directory, @lock, Secrets.LoadOrCreate(SecretsFile(directory)));
            foreach (var service in services)
                shop._services.Add(service.Name, shop.Plan(service));
            await shop.StartAllAsync(services, progress, cancellationToken);
            return shop;
        }
        catch
        {
            if (shop is not null)
                await shop.DisposeAsync();
            else
                await @lock.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the shop that runs on a directory, whoever started it, and what a crash left of one.</summary>
    /// <returns>Whether there was any.</returns>
    public static async Task<bool> StopAsync(string directory)
    {
        if (ShopState.Read(directory) is not { } state)
            return false;
        var found = state.IsUp || state.Processes.Any(process => process.Process.IsAlive);
        if (!state.Detached && state.Owner != ProcessIdentity.Current)
        {
            // It stops the processes itself, and would be surprised to see them go.
            state.Owner.Send(Signal.Terminate);
            await state.Owner.HasEndedAsync(TimeSpan.FromSeconds(8));
        }

        await state.EndProcessesAsync();
        ShopState.Delete(directory);
        return found;
    }

    /// <summary>Deletes the data, secrets and logs of a shop that does not run.</summary>
    /// <exception cref="ShopException">It does run.</exception>
    public static async Task ForgetAsync(string directory)
    {
        if (!Directory.Exists(directory))
            return;
        await using var @lock = await LockAsync(directory);
        DeleteData(directory);
    }

    /// <summary>Where a part of the shop on a directory logs, whether it runs or not.</summary>
    /// <exception cref="ShopException">There is no such log.</exception>
    public static string LogFile(string directory, string name)
    {
        var logs = Path.Combine(directory, "logs");
        var files = (Directory.Exists(logs) ? Directory.EnumerateFiles(logs, "*.log") : []).Append(EmbeddedPostgres.LogOf(PostgresDirectory(directory))).Where(File.Exists)
            .ToDictionary(file => Path.GetFileNameWithoutExtension(file));
        return files.GetValueOrDefault(name)
            ?? throw new ShopException(files.Count == 0 ? "There are no logs yet: ./shopmesh up starts a shop." : $"There is no log '{name}': there are {string.Join(", ", files.Keys.Order())}.");
    }

    /// <summary>Leaves a detached shop to itself: from now on <see cref="StopAsync(string)"/> stops it.</summary>
    public void Release()
    {
        if (!_options.Detached)
            throw new InvalidOperationException("Only a detached shop lives without the program that started it.");
        _released = true;
    }

    /// <summary>Stops everything, in less than 5 s, unless it was released.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        if (!_released)
        {
            await Task.WhenAll(Processes.Select(process => process.StopAsync()));
            if (Postgres is not null)
                await Postgres.DisposeAsync();
            ShopState.Delete(_directory);
        }

        Postgres?.Release();
        foreach (var process in Processes)
            process.Dispose();
        if (_options.Directory is null)
        {
            DeleteData(_directory);
            Directory.Delete(_directory, recursive: true);
        }

        await _lock.DisposeAsync();
    }

    /// <summary>What PostgreSQL owns.</summary>
    internal static string PostgresDirectory(string directory) => Path.Combine(DataDirectory(directory), "postgres");

    /// <summary>Beside the data that they belong to: they last as long.</summary>
    internal static string SecretsFile(string directory) => Path.Combine(DataDirectory(directory), "secrets.json");

    /// <summary>For root where the user that PostgreSQL runs as can reach it.</summary>
    private static string DataDirectory(string directory) => Environment.IsPrivilegedProcess
        ? $"/var/tmp/shopmesh-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetFullPath(directory))))[..12]}"
        : directory;

    /// <summary>Makes this program the only one that starts a shop on the directory, after it has ended what is left of a crashed one.</summary>
    private static async Task<FileStream> LockAsync(string directory)
    {
        FileStream? @lock = null;
        try
        {
            @lock = new(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
        }

        if (@lock is null || ShopState.Read(directory) is { IsUp: true })
        {
            if (@lock is not null)
                await @lock.DisposeAsync();
            var where = ShopState.Read(directory)?.Gateway is { } gateway ? $" at {gateway}" : "";
            throw new ShopException($"A shop is already up{where}: ./shopmesh status shows it, ./shopmesh down stops it.");
        }

        await StopAsync(directory);
        return @lock;
    }

    private static void DeleteData(string directory)
    {
        foreach (var data in new[] { PostgresDirectory(directory), Path.Combine(directory, "logs") }.Where(Directory.Exists))
            Directory.Delete(data, recursive: true);
        File.Delete(SecretsFile(directory));
        if (DataDirectory(directory) is var own && own != directory && Directory.Exists(own))
            Directory.Delete(own);
    }

    private LocalService Plan(MeshService service)
    {
        var count = service.IsGateway ? 1 : _options.Replicas.GetValueOrDefault(service.Name, 1);
        return new([.. Enumerable.Range(1, count).Select(replica =>
        {
            var http = new Uri($"http://127.0.0.1:{Ports.Next()}");
            var grpc = service.IsGateway ? new Uri($"http://localhost:{_options.GatewayPort ?? Ports.Next()}") : new Uri($"http://127.0.0.1:{Ports.Next()}");
            return new ServiceProcess(service, replica, http, grpc, Path.Combine(_directory, "logs", $"{ServiceProcess.NameOf(service, replica)}.log"), CommandOf, WriteState);
        })]);
    }

    private static string ProgramOf(MeshService service, LocalShopOptions options) =>
        options.Programs is { } programs ? Path.Combine(programs, service.Name, $"{service.Assembly}.dll") : Repository.Program(service);

    private ChildCommand CommandOf(ServiceProcess process)
    {
        var program = ProgramOf(process.Service, _options);
        return new("dotnet", program)
        {
            Environment = EnvironmentOf(process),
            Directory = Path.GetDirectoryName(program)!,
            LogFile = process.LogFile,
            Detached = _options.Detached,
        };
    }

    private Dictionary<string, string> EnvironmentOf(ServiceProcess process)
    {
        var service = process.Service;
        var identity = _services.GetValueOrDefault("identity")?.Http.ToString() ?? $"http://{Nowhere}";
        var environment = new Dictionary<string, string>(Runtime)
        {
            // What this program was started with is not meant for them.
            ["ASPNETCORE_URLS"] = "",
            ["ASPNETCORE_HTTP_PORTS"] = "",
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["DOTNET_ENVIRONMENT"] = "Production",
            ["Identity__Address"] = identity.TrimEnd('/'),
        };

        if (service.IsGateway)
        {
            environment["Kestrel__Endpoints__Public__Url"] = process.Grpc.ToString();
            environment["Kestrel__Endpoints__Operations__Url"] = process.Http.ToString();
            foreach (var name in Topology.Services.Where(other => !other.IsGateway).Select(other => other.Name))
            {
                var destinations = _services.GetValueOrDefault(name)?.Replicas.Select(replica => replica.Grpc.ToString()) ?? [$"http://{Nowhere}"];
                foreach (var (index, address) in destinations.Index())
                    environment[$"ReverseProxy__Clusters__{name}__Destinations__pods{(index == 0 ? "" : $"{index + 1}")}__Address"] = address;
            }
        }
        else
        {
            environment["Kestrel__Endpoints__Http__Url"] = process.Http.ToString();
            environment["Kestrel__Endpoints__Grpc__Url"] = process.Grpc.ToString();
            foreach (var name in service.Calls)
                environment[$"Services__{name}"] = _services.GetValueOrDefault(name)?.Address ?? $"static:///{Nowhere}";
        }

        if (service.HasDatabase)
        {
            environment["ConnectionStrings__Database"] = _databases[service.Name];
            environment["MigrateOnStart"] = "true";
            environment["DemoData"] = _options.DemoData ? "true" : "false";
        }

        if (service.IsClient)
            environment["Identity__ClientSecret"] = _secrets.Clients[service.Name];
        if (service.Name == "identity")
        {
            environment["Identity__Key"] = _secrets.IdentityKey;
            foreach (var (name, secret) in _secrets.Clients)
                environment[$"Identity__Clients__{name}"] = secret;
        }

        foreach (var name in new[] { "*", service.Name })
        {
            foreach (var (variable, value) in _options.Settings.GetValueOrDefault(name) ?? [])
                environment[variable] = value;
        }

        return environment;
    }

    private async Task StartAllAsync(List<MeshService> services, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        if (services.Any(service => service.HasDatabase))
            await PrepareDatabasesAsync(services.Where(service => service.HasDatabase), progress, cancellationToken);

        // The first that fails ends the waiting for the others.
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var starts = Processes.Select(StartAsync).ToList();
        await foreach (var start in Task.WhenEach(starts))
        {
            if (!start.IsCompletedSuccessfully)
                await failed.CancelAsync();
        }

        if (starts.FirstOrDefault(start => start.IsFaulted) is { } fault)
            await fault;
        cancellationToken.ThrowIfCancellationRequested();

        async Task StartAsync(ServiceProcess process)
        {
            progress?.Report(new(process.Name, StartStage.Starting, "starting"));
            await process.StartAsync();
            await process.WaitUntilReadyAsync(failed.Token);
            progress?.Report(new(process.Name, StartStage.Ready, process.Grpc.ToString().TrimEnd('/')));
        }
    }

    private async Task PrepareDatabasesAsync(IEnumerable<MeshService> services, IProgress<StartProgress>? progress, CancellationToken cancellationToken)
    {
        if (_options.Postgres is null)
        {
            var steps = progress is null ? null : new Steps(step => progress.Report(new(ShopState.DatabaseName, StartStage.Starting, step)));
            Postgres = await EmbeddedPostgres.StartAsync(new() { Directory = PostgresDirectory(_directory), Detached = _options.Detached }, steps, cancellationToken);
            WriteState();
            progress?.Report(new(ShopState.DatabaseName, StartStage.Starting, "making the databases"));
        }

        var server = new DatabaseServer(_options.Postgres ?? Postgres!.AdminConnectionString);
        foreach (var service in services)
            _databases[service.Name] = await server.CreateDatabaseAsync(service.Name, _secrets.Databases[service.Name], cancellationToken);
        if (Postgres is not null)
            progress?.Report(new(ShopState.DatabaseName, StartStage.Ready, $"127.0.0.1:{Postgres.Port}"));
    }

    private void WriteState()
    {
        lock (_state)
        {
            var processes = new List<ShopProcess>();
            if (Postgres is not null)
                processes.Add(new(ShopState.DatabaseName, Postgres.Identity, null, $"127.0.0.1:{Postgres.Port}", Postgres.LogFile));
            processes.AddRange(
                from process in Processes
                let identity = process.Process
                where identity is not null
                select new ShopProcess(process.Name, identity, process.Http.ToString(), process.Grpc.ToString(), process.LogFile));
            var gateway = _services.GetValueOrDefault(Topology.Gateway)?.Grpc.ToString().TrimEnd('/');
            new ShopState(ProcessIdentity.Current, _options.Detached, gateway, _startedAt, processes).Write(_directory);
        }
    }

    private sealed class Steps(Action<string> report) : IProgress<string>
    {
        public void Report(string value) => report(value);
    }
}
