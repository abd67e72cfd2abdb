using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
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
    /// Registers the <see cref="NpgsqlDataSource"/> of <c>ConnectionStrings:Database</c>, for hot paths in SQL, and a pooled
    /// <typeparamref name="TContext"/> over it; the service is ready when the schema it was built for is there.
    /// </summary>
    public static void AddDatabase<TContext>(this WebApplicationBuilder builder) where TContext : DbContext
    {
        builder.Services.AddSingleton(services => new NpgsqlDataSourceBuilder(services.GetRequiredService<IConfiguration>().GetConnectionString("Database")
                ?? throw new InvalidOperationException("ConnectionStrings:Database is not set."))
            .UseLoggerFactory(services.GetRequiredService<ILoggerFactory>())
            .Build());
        builder.Services.AddDbContextPool<TContext>((services, options) => options
            .UseNpgsql(services.GetRequiredService<NpgsqlDataSource>())
            .UseSnakeCaseNamingConvention());
        builder.Services.AddHostedService<SchemaProbe<TContext>>();
    }

    /// <summary>
    /// Runs the service; or, with the argument <c>migrate</c>, waits for the database, brings its schema up to date and ends.
    /// Migrations may run in any number of pods at once: EF Core takes a lock in the database.
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
        await WaitUntilReachableAsync(app, cancellationToken);
        await scope.ServiceProvider.GetRequiredService<TContext>().Database.MigrateAsync(cancellationToken);
        if (prepare is not null)
            await prepare(scope.ServiceProvider, cancellationToken);
        if (seed is not null && app.Configuration.GetValue<bool>("DemoData"))
            await seed(scope.ServiceProvider, cancellationToken);
        LogMigrated(app.Logger);
    }

    private static async Task WaitUntilReachableAsync(WebApplication app, CancellationToken cancellationToken)
    {
        var source = app.Services.GetRequiredService<NpgsqlDataSource>();
        while (true)
        {
            try
            {
                await using var connection = await source.OpenConnectionAsync(cancellationToken);
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

/// <summary>Makes the service ready with the first query that shows that the schema is there: a version with wrong credentials never takes over.</summary>
internal sealed partial class SchemaProbe<TContext> : BackgroundService
    where TContext : DbContext
{
    private readonly IServiceScopeFactory _scopes;
    private readonly ILogger<SchemaProbe<TContext>> _logger;
    private volatile bool _isThere;

    public SchemaProbe(IServiceScopeFactory scopes, Readiness readiness, ILogger<SchemaProbe<TContext>> logger)
    {
        (_scopes, _logger) = (scopes, logger);
        readiness.Require(() => _isThere);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        do
        {
            try
            {
                await using var scope = _scopes.CreateAsyncScope();
                var pending = await scope.ServiceProvider.GetRequiredService<TContext>().Database.GetPendingMigrationsAsync(stoppingToken);
                if (!pending.Any())
                {
                    _isThere = true;
                    return;
                }

                LogNotReady("migrations are pending");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotReady(e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(LogLevel.Information, "Not ready: {Reason}")]
    private partial void LogNotReady(string reason);
}
