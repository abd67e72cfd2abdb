using Npgsql;

namespace ShopMesh.Catalog.Tests;

public sealed class LargeCatalog() : RunningShop("catalog");

/// <summary>What is read often costs the same however large the catalog is: the database says whether a statement has read it from end to end.</summary>
public sealed class HotPathTests(LargeCatalog shop) : IClassFixture<LargeCatalog>
{
    // Often enough for a prepared statement to get its plan for any parameters.
    internal const int Times = 12;

    /// <summary>Added to the demo's. What the start has read of those may be told late.</summary>
    internal const int Products = 20_000;

    [Fact]
    public async Task Neither_a_product_nor_a_page_nor_a_search_reads_the_whole_catalog()
    {
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("catalog"));
        await RunAsync(database, $"""
            INSERT INTO products (id, name, description, category_id, brand, price, updated_at)
            SELECT gen_random_uuid(), 'Item ' || md5(i::text), 'Made for a test, like ' || md5((i / 50)::text), category.id, 'Tests', 1 + i % 9999 / 100.0, now()
            FROM generate_series(1, {Products}) AS i, LATERAL (SELECT id FROM categories ORDER BY id OFFSET i % 8 LIMIT 1) AS category
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

        await UntilToldAsync(database, catalog, lists[0], before.Index + ((lists.Length - 1) * Times));
        Assert.InRange((await ScansAsync(database)).Sequential - before.Sequential, 0, Products - 1);
    }

    /// <summary>Waits for so many looks at an index. A connection tells its counts when it is used again after a second.</summary>
    internal static Task UntilToldAsync(NpgsqlDataSource database, Shopper catalog, string path, long index) => RunningShop.EventuallyAsync(TimeSpan.FromSeconds(30), async () =>
    {
        await catalog.GetAsync(path);
        return (await ScansAsync(database)).Index >= index;
    });

    /// <returns>The rows that were read from end to end, the looks at an index, and the rows that were read at all; until now.</returns>
    internal static async Task<(long Sequential, long Index, long Rows)> ScansAsync(NpgsqlDataSource database)
    {
        await using var command = database.CreateCommand("SELECT seq_tup_read, idx_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'products'");
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        Assert.True(await reader.ReadAsync(TestContext.Current.CancellationToken));
        return (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
    }

    internal static async Task RunAsync(NpgsqlDataSource database, string statement)
    {
        await using var command = database.CreateCommand(statement);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}

/// <summary>On a catalog that nothing else reads, since its database tells what was read with a delay.</summary>
public sealed class SearchCostTests(LargeCatalog shop) : IClassFixture<LargeCatalog>
{
    [Fact]
    public async Task A_search_reads_what_it_finds_in_whatever_order()
    {
        const int found = 5;
        await using var database = NpgsqlDataSource.Create(shop.Processes.Database("catalog"));
        await HotPathTests.RunAsync(database, $"""
            INSERT INTO products (id, name, description, category_id, brand, price, updated_at)
            SELECT gen_random_uuid(), 'Thing ' || i, CASE WHEN i % {HotPathTests.Products / found} = 0 THEN 'unheard' ELSE 'plain' END, category.id, 'Tests', 1 + i % 9999 / 100.0, now()
            FROM generate_series(1, {HotPathTests.Products}) AS i, LATERAL (SELECT id FROM categories LIMIT 1) AS category
            """);
        await HotPathTests.RunAsync(database, "VACUUM ANALYZE products");
        using var catalog = Shopper.Visitor(shop.Processes["catalog"].Http);
        string[] sorts = ["name", "price", "-price", "relevance"];
        var before = await HotPathTests.ScansAsync(database);

        foreach (var sort in sorts)
        {
            for (var i = 0; i < HotPathTests.Times; i++)
                Assert.Equal(found, (await catalog.GetAsync($"/api/catalog/products?query=unheard&sort={sort}"))["items"]!.AsArray().Count);
        }

        await HotPathTests.UntilToldAsync(database, catalog, "/api/catalog/products?query=unheard", before.Index + (sorts.Length * HotPathTests.Times));
        var after = await HotPathTests.ScansAsync(database);
        Assert.InRange(after.Rows - before.Rows, found, HotPathTests.Products - 1);
    }
}
