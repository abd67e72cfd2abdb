using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace ShopMesh.Tests;

public sealed class CatalogAlone() : RunningShop("catalog");

public sealed class DatabaseTests(CatalogAlone shop) : IClassFixture<CatalogAlone>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>PostgreSQL itself would plan this one each time: with the number known it seems to read so much less.</summary>
    [Fact]
    public async Task A_prepared_statement_is_planned_once_for_any_values()
    {
        const string page = "SELECT n FROM numbers WHERE n > $1 ORDER BY n LIMIT $2";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration["ConnectionStrings:Database"] = shop.Processes.Database("catalog");
        builder.AddDatabase<NoTables>();
        await using var app = builder.Build();
        await using var connection = await app.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync(Cancellation);
        await ExecuteAsync("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 20000) AS n");
        await ExecuteAsync("CREATE INDEX ON numbers (n)");
        await ExecuteAsync("ANALYZE numbers");

        for (var times = 0; times < 12; times++)
            await ExecuteAsync(page, times, 20);

        await using var plans = new NpgsqlCommand("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1", connection) { Parameters = { new() { Value = page } } };
        await using var reader = await plans.ExecuteReaderAsync(Cancellation);
        Assert.True(await reader.ReadAsync(Cancellation));
        Assert.InRange(reader.GetInt64(0), 10, 12);
        Assert.Equal(0, reader.GetInt64(1));

        async Task ExecuteAsync(string statement, params object[] values)
        {
            await using var command = new NpgsqlCommand(statement, connection);
            foreach (var value in values)
                command.Parameters.Add(new() { Value = value });
            await command.ExecuteNonQueryAsync(Cancellation);
        }
    }

    private sealed class NoTables(DbContextOptions<NoTables> options) : DbContext(options);
}
