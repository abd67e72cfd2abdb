using Npgsql;
using NpgsqlTypes;
using ShopMesh.Payment.Data;

namespace ShopMesh.Payment;

/// <summary>
/// The money of orders, and the tokens it comes from. A change is one transaction for any number of orders, whose rows it makes and
/// locks in the order of their ids: so none waits in a circle.
/// </summary>
internal sealed class Payments(NpgsqlDataSource database)
{
    private const string FindTokens = "SELECT token, customer_id, brand, last4, expires_on, behaviour, created_at FROM payment_tokens WHERE token = ANY($1)";

    /// <summary>By the token.</summary>
    public async Task<Dictionary<string, PaymentToken>> FindTokensAsync(IEnumerable<string> tokens, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand(FindTokens);
        command.Parameters.Add(new() { Value = tokens.Distinct().ToArray() });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await ReadTokensAsync(reader, cancellationToken);
    }

    /// <summary>Changes orders' payments under locks on their rows, which are made where there are none yet: in two round trips.</summary>
    /// <param name="change">Is given an order's payment, and those of the tokens that there are, by the token.</param>
    /// <returns>The payments as they are then, by the order's id.</returns>
    public async Task<Dictionary<string, OrderPayment>> ChangeAsync(
        string[] orderIds, string[] tokens, Action<OrderPayment, Dictionary<string, PaymentToken>> change, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var (payments, found) = await LockAsync(connection, orderIds, tokens, cancellationToken);
        List<OrderPayment> changed = [];
        foreach (var payment in payments.Values)
        {
            var before = (payment.Status, payment.Asked);
            change(payment, found);
            if (before != (payment.Status, payment.Asked))
                changed.Add(payment);
        }

        await SaveAsync(connection, changed, cancellationToken);
        return payments;
    }

    private static async Task<(Dictionary<string, OrderPayment> Payments, Dictionary<string, PaymentToken> Tokens)> LockAsync(
        NpgsqlConnection connection, string[] orderIds, string[] tokens, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                Batch.Command(
                    """
                    INSERT INTO payments (order_id, status, amount, asked, updated_at)
                    SELECT order_id, 'Pending', 0, 0, clock_timestamp() FROM unnest($1) AS order_id ORDER BY order_id
                    ON CONFLICT DO NOTHING
                    """, orderIds),
                Batch.Command("SELECT order_id, customer_id, status, amount, card_brand, card_last4, asked FROM payments WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE", orderIds),
            },
        };
        if (tokens.Length > 0)
            batch.BatchCommands.Add(Batch.Command(FindTokens, tokens));
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var payments = new Dictionary<string, OrderPayment>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var payment = new OrderPayment(
                reader.GetString(0), Text(reader, 1), Enum.Parse<PaymentStatus>(reader.GetString(2)), reader.GetDecimal(3), Text(reader, 4), Text(reader, 5), reader.GetInt32(6));
            payments.Add(payment.OrderId, payment);
        }

        return (payments, await reader.NextResultAsync(cancellationToken) ? await ReadTokensAsync(reader, cancellationToken) : []);
    }

    private static async Task<Dictionary<string, PaymentToken>> ReadTokensAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var found = new Dictionary<string, PaymentToken>();
        while (await reader.ReadAsync(cancellationToken))
        {
            var token = new PaymentToken
            {
                Token = reader.GetString(0),
                CustomerId = reader.GetString(1),
                Brand = reader.GetString(2),
                Last4 = reader.GetString(3),
                ExpiresOn = reader.GetFieldValue<DateOnly>(4),
                Behaviour = Enum.Parse<CardBehaviour>(reader.GetString(5)),
                CreatedAt = reader.GetFieldValue<DateTimeOffset>(6),
            };
            found.Add(token.Token, token);
        }

        return found;
    }

    /// <summary>Ends the transaction.</summary>
    private static async Task SaveAsync(NpgsqlConnection connection, List<OrderPayment> payments, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (payments.Count > 0)
        {
            batch.BatchCommands.Add(new(
                """
                UPDATE payments SET customer_id = changed.customer_id, status = changed.status, amount = changed.amount,
                    card_brand = changed.card_brand, card_last4 = changed.card_last4, asked = changed.asked, updated_at = clock_timestamp()
                FROM unnest($1, $2, $3, $4, $5, $6, $7) AS changed (order_id, customer_id, status, amount, card_brand, card_last4, asked)
                WHERE payments.order_id = ANY($1) AND payments.order_id = changed.order_id
                """)
            {
                Parameters =
                {
                    Column(NpgsqlDbType.Text, payment => payment.OrderId),
                    Column(NpgsqlDbType.Text, payment => payment.CustomerId),
                    Column(NpgsqlDbType.Text, payment => payment.Status.ToString()),
                    Column(NpgsqlDbType.Numeric, payment => payment.Amount),
                    Column(NpgsqlDbType.Text, payment => payment.CardBrand),
                    Column(NpgsqlDbType.Text, payment => payment.CardLast4),
                    Column(NpgsqlDbType.Integer, payment => payment.Asked),
                },
            });
        }

        batch.BatchCommands.Add(Batch.Commit);
        await batch.ExecuteNonQueryAsync(cancellationToken);

        NpgsqlParameter Column<T>(NpgsqlDbType type, Func<OrderPayment, T> value) => new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = payments.Select(value).ToArray() };
    }

    private static string? Text(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
}
