using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace ShopMesh.Hosting;

public sealed record EmbeddedPostgresOptions
{
    /// <summary>Where its data, log and password are; null for a temporary folder that goes when it is disposed of. For root it must lie where an unprivileged user can reach it.</summary>
    public string? Directory { get; init; }

    /// <summary>It lives on when this process ends.</summary>
    public bool Detached { get; init; }

    /// <summary>Null for those that <see cref="PostgresBinaries.FindAsync"/> finds.</summary>
    internal PostgresBinaries? Binaries { get; init; }
}

/// <summary>
/// A PostgreSQL server of our own: on 127.0.0.1 alone, at a free port, with scram passwords and the durability of production.
/// Started again on the same directory it has the same data.
/// </summary>
public sealed class EmbeddedPostgres : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly string[] Unprivileged = ["postgres", "nobody"];

    private readonly EmbeddedPostgresOptions _options;
    private readonly string _directory;
    private readonly string _data;
    private readonly string? _user;
    private readonly string _password;
    private readonly PostgresBinaries _binaries;
    private ChildProcess? _process;

    private EmbeddedPostgres(EmbeddedPostgresOptions options, string directory, string? user, string password, PostgresBinaries binaries)
    {
        (_options, _directory, _user, _password, _binaries) = (options, directory, user, password, binaries);
        _data = DataOf(directory);
        LogFile = LogOf(directory);
        Port = Ports.Next();
    }

    public int Port { get; }

    public string LogFile { get; }

    /// <summary>The major version of the server.</summary>
    public int Version => _binaries.Major;

    /// <summary>For the superuser, to the database <c>postgres</c>.</summary>
    public string AdminConnectionString =>
        new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = "postgres", Password = _password, Database = "postgres" }.ConnectionString;

    internal ProcessIdentity Identity => _process?.Identity ?? throw new InvalidOperationException("The server is not running.");

    /// <exception cref="ShopException">There is no PostgreSQL to be had, or it does not start.</exception>
    public static async Task<EmbeddedPostgres> StartAsync(EmbeddedPostgresOptions? options = null, IProgress<string>? progress = null, CancellationToken cancellationToken = default)
    {
        options ??= new();
        var directory = options.Directory ?? Path.Combine(Environment.IsPrivilegedProcess ? "/var/tmp" : Path.GetTempPath(), $"shopmesh-postgres-{Guid.CreateVersion7():N}");
        var user = await UnprivilegedUserAsync(cancellationToken);
        var made = File.Exists(Path.Combine(DataOf(directory), "PG_VERSION"));
        var binaries = options.Binaries ?? await PostgresBinaries.FindAsync(
            made ? int.Parse(await File.ReadAllTextAsync(Path.Combine(DataOf(directory), "PG_VERSION"), cancellationToken), CultureInfo.InvariantCulture) : null, progress, cancellationToken);
        if (!made)
        {
            progress?.Report("making the data directory");
            await InitialiseAsync(directory, user, binaries, cancellationToken);
        }

        progress?.Report($"starting PostgreSQL {binaries.Major}");
        var server = new EmbeddedPostgres(options, directory, user, await File.ReadAllTextAsync(PasswordOf(directory), cancellationToken), binaries);
        try
        {
            await server.RestartAsync(cancellationToken);
            await new DatabaseServer(server.AdminConnectionString).CloseToOthersAsync(cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>A program that comes with the server, such as pgbench; null where it does not.</summary>
    public string? FindProgram(string name) => Path.Combine(_binaries.Directory, name) is var path && File.Exists(path) ? path : Executables.Find(name);

    /// <inheritdoc cref="DatabaseServer.CreateDatabaseAsync"/>
    /// <param name="password">Null for a random one.</param>
    public Task<string> CreateDatabaseAsync(string name, string? password = null, CancellationToken cancellationToken = default) =>
        new DatabaseServer(AdminConnectionString).CreateDatabaseAsync(name, password ?? Secrets.Random(), cancellationToken);

    /// <summary>Starts it again, after <see cref="StopAsync"/> or <see cref="KillAsync"/>, at the same port.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        await EndStaleAsync(_directory);
        string[] settings =
        [
            $"port={Port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            "shared_buffers=128MB",
            // Short queries only, on a machine that has better things to do than to compile them.
            "jit=off",
            "log_line_prefix=%m [%p] %u@%d ",
        ];
        _process?.Dispose();
        _process = await ChildProcess.StartAsync(new(_binaries.Postgres, ["-D", _data, .. settings.SelectMany(setting => new[] { "-c", setting })])
        {
            LogFile = LogFile,
            User = _user,
            Detached = _options.Detached,
            WhenOrphaned = Signal.Interrupt,
        });

        var watch = Stopwatch.StartNew();
        while (!IsReady())
        {
            if (_process.ExitCode is not null)
                throw new ShopException($"PostgreSQL did not start; its log ends with:{Environment.NewLine}{LogTail.Read(LogFile, 5)}");
            if (watch.Elapsed > StartLimit)
                throw new ShopException($"PostgreSQL was not ready after {StartLimit.TotalSeconds} s: see {LogFile}.");
            await Task.Delay(20, cancellationToken);
        }
    }

    /// <summary>Fast shutdown: what runs is rolled back, connections are closed, everything committed is on disk.</summary>
    public async Task StopAsync()
    {
        if (_process is null)
            return;
        await EndAsync(_process.Identity);
        await _process.WaitAsync();
    }

    /// <summary>SIGKILL for every process of the server, as if the machine had lost its power.</summary>
    public async Task KillAsync()
    {
        if (_process is null)
            return;
        ProcessIdentity[] all = [_process.Identity, .. _process.Identity.Children()];
        foreach (var process in all)
            process.Send(Signal.Kill);
        foreach (var process in all)
            await process.HasEndedAsync(TimeSpan.FromSeconds(5));
        await _process.WaitAsync();
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

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process?.Dispose();
        if (_options.Directory is null)
            Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Lets go of a detached server without stopping it.</summary>
    internal void Release() => _process?.Dispose();

    /// <summary>SIGINT, which closes connections; if that takes too long SIGQUIT, which leaves recovery to the next start.</summary>
    internal static async Task EndAsync(ProcessIdentity server)
    {
        server.Send(Signal.Interrupt);
        if (!await server.HasEndedAsync(TimeSpan.FromSeconds(1.5)))
            await server.EndAsync(Signal.Quit, TimeSpan.FromSeconds(1));
    }

    internal static string LogOf(string directory) => Path.Combine(directory, "postgres.log");

    private static string DataOf(string directory) => Path.Combine(directory, "data");

    private static string PasswordOf(string directory) => Path.Combine(directory, "password");

    private static async Task InitialiseAsync(string directory, string? user, PostgresBinaries binaries, CancellationToken cancellationToken)
    {
        // Beside its place first: what was interrupted half-way never counts.
        var half = Path.Combine(directory, "data.new");
        if (Directory.Exists(half))
            Directory.Delete(half, recursive: true);
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Secrets.WriteFile(PasswordOf(directory), Secrets.Random());
        if (user is not null)
        {
            await Executables.RunAsync("chown", ["-R", user, directory], user: null, cancellationToken);
            if ((await Executables.RunAsync("/bin/sh", ["-c", "test -w \"$1\"", "sh", directory], user, cancellationToken)).ExitCode != 0)
                throw new ShopException($"PostgreSQL refuses to run as root, and the user {user} cannot reach {directory}: run this as another user, or put the data elsewhere.");
        }

        // Sorting by code point is the same everywhere. No sync: there is nothing yet that anyone could lose.
        string[] locale = binaries.Major >= 17 ? ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"] : ["--locale=C.UTF-8"];
        var (exitCode, output) = await Executables.RunAsync(
            binaries.InitDb,
            ["--pgdata", half, "--username=postgres", $"--pwfile={PasswordOf(directory)}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync", "--no-instructions", .. locale],
            user,
            cancellationToken);
        if (exitCode != 0)
            throw new ShopException($"initdb failed: {output.Trim()}");
        Directory.Move(half, DataOf(directory));
    }

    /// <summary>Null unless this is root: PostgreSQL refuses to run as root.</summary>
    private static async Task<string?> UnprivilegedUserAsync(CancellationToken cancellationToken)
    {
        if (!Environment.IsPrivilegedProcess)
            return null;
        var names = (await File.ReadAllLinesAsync("/etc/passwd", cancellationToken)).Select(line => line.Split(':')[0]).ToHashSet();
        return Unprivileged.FirstOrDefault(names.Contains)
            ?? throw new ShopException("PostgreSQL refuses to run as root, and this machine has no user 'nobody': run this as another user.");
    }

    /// <summary>
    /// Ends the server that a crash left on this data, if there is one; and takes away a postmaster.pid whose number
    /// belongs to somebody else by now, since PostgreSQL would not start beside it.
    /// </summary>
    private static async Task EndStaleAsync(string directory)
    {
        var file = Path.Combine(DataOf(directory), "postmaster.pid");
        if (!File.Exists(file))
            return;
        if (int.TryParse(File.ReadLines(file).FirstOrDefault(), CultureInfo.InvariantCulture, out var pid) && ProcessIdentity.Of(pid) is { } process && IsServerOf(directory, pid))
            await EndAsync(process);
        File.Delete(file);
    }

    private static bool IsServerOf(string directory, int pid) =>
        !OperatingSystem.IsLinux() || File.ReadAllText($"/proc/{pid}/cmdline").Split('\0').Contains(DataOf(directory));

    /// <summary>The file tells it without a connection, which would be refused and logged until then.</summary>
    private bool IsReady()
    {
        try
        {
            var lines = File.ReadAllLines(Path.Combine(_data, "postmaster.pid"));
            return lines.Length > 7 && lines[7].Trim() == "ready" && lines[0].Trim() == _process!.Identity.Pid.ToString(CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
