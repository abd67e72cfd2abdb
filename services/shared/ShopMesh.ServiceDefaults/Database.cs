using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace ShopMesh;

/// <summary>The PostgreSQL of a service: its own, and nobody else's.</summary>
public static partial class Database
{
    /// <summary>
    /// Statements are prepared at their second use, and planned once, for any values: from when the tables may have been empty, and to read
    /// them from end to end was cheapest. So an index is used wherever there is one. A connection that goes back to the pool is not reset:
    /// nobody here leaves anything on one (a temporary table, a setting, a lock of the session). What the connection string says comes
    /// after it, and wins.
    /// </summary>
    private const string Defaults = "Max Auto Prepare=64;Auto Prepare Min Usages=2;No Reset On Close=true;Options=-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off;";

    /// <summary>
    /// Registers the <see cref="NpgsqlDataSource"/> of <c>ConnectionStrings:Database</c>, for hot paths in SQL, and a pooled
    /// <typeparamref name="TContext"/> over it; the service is ready when the schema it was built for is there.
    /// </summary>
    public static void AddDatabase<TContext>(this WebApplicationBuilder builder) where TContext : DbContext
    {
        builder.Services.AddSingleton(services => new NpgsqlDataSourceBuilder(Defaults + (services.GetRequiredService<IConfiguration>().GetConnectionString("Database")
                ?? throw new InvalidOperationException("ConnectionStrings:Database is not set.")))
            .UseLoggerFactory(services.GetRequiredService<ILoggerFactory>())
            .Build());
        builder.Services.AddDbContextPool<TContext>((services, options) => options
            .UseNpgsql(services.GetRequiredService<NpgsqlDataSource>())
            .UseSnakeCaseNamingConvention());
        builder.Services.AddHostedService<SchemaProbe<TContext>>();
    }

    /// <summary>
    /// Runs the service; or, with the argument <c>migrate</c>, waits for the database, brings its schema up to date and ends.
    /// Migrations may run in any number of pods at once: they take turns by a lock in the database.
    /// </summary>
    /// <param name="seed">Adds the demo data where <c>DemoData</c> is set and they are not there yet.</param>
    /// <param name="prepare">Adds what the service needs beside its schema. Like the seed, it may run in any number of pods at once.</param>
    public static async Task RunServiceAsync<TContext>(
        this WebApplication app, string[] args, Func<IServiceProvider, CancellationToken, Task>? seed = null, Func<IServiceProvider, CancellationToken, Task>? prepare = null) where TContext : DbContext
    {
        var migrateOnly = args.Contains("migrate");
        if (migrateOnly || app.Configuration.GetValue<bool>("MigrateOnStart"))
            await MigrateAsync<TContext>(app, prepare, seed, app.Lifetime.ApplicationStopping);
        if (!migrateOnly)
            await app.RunAsync();
    }

    private static async Task MigrateAsync<TContext>(
        WebApplication app, Func<IServiceProvider, CancellationToken, Task>? prepare, Func<IServiceProvider, CancellationToken, Task>? seed, CancellationToken cancellationToken) where TContext : DbContext
    {
        await using var scope = app.Services.CreateAsyncScope();
        var database = app.Services.GetRequiredService<NpgsqlDataSource>();
        await WaitUntilReachableAsync(app, database, cancellationToken);
        if (!await Schema<TContext>.IsUpToDateAsync(database, cancellationToken))
            await MigrateAsync(scope.ServiceProvider.GetRequiredService<TContext>(), database, cancellationToken);
        if (prepare is not null)
            await prepare(scope.ServiceProvider, cancellationToken);
        if (seed is not null && app.Configuration.GetValue<bool>("DemoData"))
            await seed(scope.ServiceProvider, cancellationToken);
        LogMigrated(app.Logger);
    }

    /// <summary>One pod after the other. EF Core's own lock is not enough: it lets go of it between two migrations.</summary>
    private static async Task MigrateAsync<TContext>(TContext context, NpgsqlDataSource database, CancellationToken cancellationToken) where TContext : DbContext
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var turn = await connection.BeginTransactionAsync(cancellationToken);
        await using (var wait = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtext('migrations'))", connection, turn))
            await wait.ExecuteNonQueryAsync(cancellationToken);
        if (!await Schema<TContext>.IsUpToDateAsync(database, cancellationToken))
            await context.Database.MigrateAsync(cancellationToken);
        await turn.CommitAsync(cancellationToken);
    }

    private static async Task WaitUntilReachableAsync(WebApplication app, NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await using var connection = await database.OpenConnectionAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException e)
            {
                LogWaiting(app.Logger, e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "The database is not there yet: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "The schema is up to date")]
    private static partial void LogMigrated(ILogger logger);
}

/// <summary>Whether the migrations that the service was built with are in the database: one cheap query, without EF Core and its model.</summary>
internal static class Schema<TContext>
    where TContext : DbContext
{
    private static readonly string[] Migrations =
    [
        .. from type in typeof(TContext).Assembly.GetTypes()
           where type.GetCustomAttribute<DbContextAttribute>()?.ContextType == typeof(TContext)
           let migration = type.GetCustomAttribute<MigrationAttribute>()
           where migration is not null
           select migration.Id,
    ];

    /// <exception cref="NpgsqlException">The database is not there, or does not let this service in.</exception>
    public static async Task<bool> IsUpToDateAsync(NpgsqlDataSource database, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand("""SELECT count(*) FROM "__EFMigrationsHistory" WHERE migration_id = ANY($1)""");
        command.Parameters.Add(new() { Value = Migrations });
        try
        {
            return await command.ExecuteScalarAsync(cancellationToken) is long applied && applied == Migrations.Length;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            return false;
        }
    }
}

/// <summary>Makes the service ready with the first query that shows that the schema is there: a version with wrong credentials never takes over.</summary>
internal sealed partial class SchemaProbe<TContext> : BackgroundService
    where TContext : DbContext
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly NpgsqlDataSource _database;
    private readonly ILogger<SchemaProbe<TContext>> _logger;
    private volatile bool _isThere;

    public SchemaProbe(NpgsqlDataSource database, Readiness readiness, ILogger<SchemaProbe<TContext>> logger)
    {
        (_database, _logger) = (database, logger);
        readiness.Require(() => _isThere);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reason = "";
        while (!_isThere)
        {
            var last = reason;
            try
            {
                _isThere = await Schema<TContext>.IsUpToDateAsync(_database, stoppingToken);
                reason = _isThere ? "" : "migrations are pending";
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                reason = e.Message;
            }

            if (_isThere)
                return;
            if (reason != last)
                LogNotReady(reason);
            await Task.Delay(Interval, stoppingToken);
        }
    }

    [LoggerMessage(LogLevel.Information, "Not ready: {Reason}")]
    private partial void LogNotReady(string reason);
}
