using Npgsql;

namespace ShopMesh.Inventory.Data;

internal static class DemoStock
{
    private const int OnHand = 1_000;

    /// <summary>Puts 1,000 pieces of each demo product on hand, once; any number of pods may do so at once.</summary>
    public static async Task SeedAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var products = Enumerable.Range(1, DemoData.ProductCount).Select(number => DemoData.ProductId(number).ToString()).ToArray();
        await using var command = services.GetRequiredService<NpgsqlDataSource>().CreateCommand("""
            WITH seeded AS (
                INSERT INTO stock (product_id, reserved, seeded, corrected, sold, returned, updated_at)
                SELECT id, 0, $1, 0, 0, 0, clock_timestamp() FROM unnest($2) AS id
                ON CONFLICT DO NOTHING
                RETURNING product_id)
            INSERT INTO ledger (product_id, kind, quantity, at)
            SELECT product_id, 'Seeded', $1, clock_timestamp() FROM seeded
            """);
        command.Parameters.Add(new() { Value = OnHand });
        command.Parameters.Add(new() { Value = products });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
