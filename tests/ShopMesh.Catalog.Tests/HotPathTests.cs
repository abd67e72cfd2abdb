using Npgsql;

namespace ShopMesh.Catalog.Tests;

public sealed class LargeCatalog() : RunningShop("catalog");

/// <summary>What is read often costs the same however large the catalog is: the database says whether a statement has read it from end to end.</summary>
public sealed class HotPathTests(LargeCatalog shop) : IClassFixture<LargeCatalog>
{
    // Often enough for a prepared statement to get its plan for any parameters.
    private const int Times = 12;

    [Fact]
    public async Task Neither_a_product_nor_a_page_nor_a_search_reads_the_whole_catalog()
    {
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("catalog"));
        await RunAsync(database, """
            INSERT INTO products (id, name, description, category_id, brand, price, updated_at)
            SELECT gen_random_uuid(), 'Item ' || md5(i::text), 'Made for a test, like ' || md5((i / 50)::text), category.id, 'Tests', 1 + i % 9999 / 100.0, now()
            FROM generate_series(1, 20000) AS i, LATERAL (SELECT id FROM categories ORDER BY id OFFSET i % 8 LIMIT 1) AS category
            """);
        await RunAsync(database, "VACUUM ANALYZE products");
        // Past the gateway, which would keep the answers.
        using var catalog = Shopper.Visitor(shop.Processes["catalog"].Http);
        var page = await catalog.GetAsync("/api/catalog/products?limit=1");
        string[] lists =
        [
            $"/api/catalog/products/{page["items"]![0]!["id"]}",
            "/api/catalog/products?sort=name", "/api/catalog/products?sort=price", "/api/catalog/products?sort=-price",
            "/api/catalog/products?sort=name&category=books", "/api/catalog/products?sort=price&category=books", "/api/catalog/products?sort=-price&category=books",
            "/api/catalog/products?query=oak", "/api/catalog/products?query=oak&category=books&sort=price", "/api/catalog/products?query=item&limit=100&sort=name",
            "/api/catalog/categories",
        ];
        var before = await ScansAsync(database);

        foreach (var path in lists)
        {
            for (var i = 0; i < Times; i++)
            {
                var answer = await catalog.GetAsync(path);
                if ((string?)answer["nextCursor"] is { } cursor)
                    await catalog.GetAsync($"{path}&cursor={cursor}");
            }
        }

        // A connection tells its counts when it is used again after a second.
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(30), async () =>
        {
            await catalog.GetAsync(lists[0]);
            return (await ScansAsync(database)).Index >= before.Index + ((lists.Length - 1) * Times);
        });
        Assert.Equal(before.Sequential, (await ScansAsync(database)).Sequential);
    }

    private static async Task<(long Sequential, long Index)> ScansAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand("SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'products'");
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        Assert.True(await reader.ReadAsync(TestContext.Current.CancellationToken));
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    private static async Task RunAsync(NpgsqlDataSource database, string statement)
    {
        await using var command = database.CreateCommand(statement);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
