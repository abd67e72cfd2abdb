using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Payment.Data;

internal sealed class PaymentContext(DbContextOptions<PaymentContext> options, TimeProvider time) : DbContext(options)
{
    public DbSet<PaymentToken> Tokens => Set<PaymentToken>();

    public DbSet<OrderPayment> Payments => Set<OrderPayment>();

    /// <summary>Changes an order's payment under a lock on its row, which is made when there is none yet.</summary>
    public async Task<(OrderPayment Payment, T Result)> ChangeAsync<T>(string orderId, Func<OrderPayment, T> change, CancellationToken cancellationToken)
    {
        await using var transaction = await Database.BeginTransactionAsync(cancellationToken);
        await Database.ExecuteSqlAsync($"""
            INSERT INTO payments (order_id, status, amount, asked, updated_at) VALUES ({orderId}, 'Pending', 0, 0, clock_timestamp())
            ON CONFLICT DO NOTHING
            """, cancellationToken);
        var payment = await Payments.FromSql($"SELECT * FROM payments WHERE order_id = {orderId} FOR UPDATE").SingleAsync(cancellationToken);
        var result = change(payment);
        if (ChangeTracker.HasChanges())
            payment.UpdatedAt = time.GetUtcMicroseconds();
        await SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (payment, result);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<PaymentToken>(token =>
        {
            token.ToTable("payment_tokens");
            token.HasKey(t => t.Token);
            token.Property(t => t.Behaviour).HasConversion<string>();
        });

        modelBuilder.Entity<OrderPayment>(payment =>
        {
            payment.ToTable("payments");
            payment.HasKey(p => p.OrderId);
            payment.Property(p => p.OrderId).HasMaxLength(64);
            payment.Property(p => p.Status).HasConversion<string>();
            payment.Property(p => p.Amount).HasPrecision(12, 2);
            payment.HasIndex(p => new { p.UpdatedAt, p.OrderId });
        });
    }
}
